"""The same POST from many clients at once: one key."""

import secrets

from accounts.models import ApiKey
from tests.api.programs import Program, program
from tests.tokenoutput.pages import visitor
from tests.tokenoutput.test_signup_races import at_once

TOGETHER = 4


def test_many_at_once_make_one_key(database):
    host = visitor(f"once-{secrets.token_hex(6)}")
    secret = program(host).secret
    answers = at_once([lambda: Program(secret).post("keys", {"name": "ci"}, Idempotency_Key="same")] * TOGETHER)
    assert [answer.status_code for answer in answers] == [201] * TOGETHER
    assert len({answer.content for answer in answers}) == 1
    assert ApiKey.objects.filter(organization_id=host.organization.id).count() == 1
    assert sum("Idempotency-Replayed" in answer for answer in answers) == TOGETHER - 1
