"""GET /key: either kind of key about itself."""

import pytest

from accounts.api_keys import api_key_create
from billing import ledger
from billing.budgets import budgets_set
from billing.limits import limit_set
from tests.api.programs import Program, error_of, program
from tests.billing.test_admin import DjangoBooks
from tests.tokenoutput.pages import visitor

pytestmark = pytest.mark.django_db
USD = 10**9
# What OpenRouter's clients read of their own key.
OPENROUTER = {
    "label", "limit", "usage", "usage_daily", "usage_weekly", "usage_monthly", "byok_usage", "byok_usage_daily",
    "byok_usage_weekly", "byok_usage_monthly", "is_free_tier", "is_management_key", "is_provisioning_key",
    "limit_remaining", "limit_reset", "include_byok_in_limit", "expires_at", "creator_user_id", "rate_limit",
}  # fmt: skip


@pytest.fixture
def ada():
    return visitor()


def own(secret):
    return Program(secret).data("key")


def test_an_api_key_sees_its_limits_and_what_it_spent(ada):
    who = {"organization_id": ada.organization.id}
    made = api_key_create(**who, name="ci", member_id=ada.organization.member_id, rules={"requests_per_minute": 7})
    found = own(made.secret)
    assert set(found) >= OPENROUTER
    assert found["rate_limit"] == {"requests": 7, "interval": "60s"}
    assert (found["is_management_key"], found["limit"], found["binding_scope"]) == (False, None, "balance")
    assert found["effective_remaining_usd"] == "5.000000000"
    budgets_set(**who, amounts_nanos={"monthly": 4 * USD})
    assert (own(made.secret)["binding_scope"], own(made.secret)["limit"]) == ("organization", None)
    limit_set(**who, member_id=ada.organization.member_id, period="monthly", amount_nanos=3 * USD)
    assert own(made.secret)["binding_scope"] == "member"
    limit_set(**who, api_key_id=made.id, period="daily", amount_nanos=2 * USD)
    books, wallet = DjangoBooks(), ledger.wallet_open(**who)
    books.finish(books.hold(wallet, 0.5, key=made.id), wallet, 0.5)
    found = own(made.secret)
    assert (found["binding_scope"], found["effective_remaining_usd"]) == ("key", "1.500000000")
    assert (found["limit"], found["limit_remaining"], found["usage"]) == (2.0, 1.5, 0.5)


def test_a_management_key_sees_what_it_may(ada):
    found = own(program(ada, "keys:read").secret)
    assert found["is_management_key"] is True
    assert (found["scopes"], found["role"], found["name"]) == (["keys:read"], "owner", "ci")


def test_keys_that_are_not_good_see_nothing(ada):
    elsewhere = api_key_create(organization_id=ada.organization.id, name="x", rules={"allowed_ips": ["203.0.113.7"]})
    for secret in (elsewhere.secret, elsewhere.secret[:-1], "sk-mgmt-x", "sk-x"):
        answer = Program(secret).get("key")
        assert (answer.status_code, error_of(answer)["reason"]) == (401, "unauthenticated")
    assert ada.client.get("/api/v1/key").status_code == 401
