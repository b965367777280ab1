"""The operator's command for spending limits: looks, sets, changes, removes, and refuses with one line."""

import json

import pytest
from django.core.management import CommandError, call_command

from accounts.services import api_key_create
from billing.limits import LimitSubjectNotFound, limit_remove, limit_set
from tests.tokenoutput.pages import visitor

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    host = visitor()
    api_key_create(organization_id=host.organization.id, name="ci")
    return host


def run(capsys, ada, *arguments):
    call_command("spending_limit", ada.organization.slug, *arguments)
    return json.loads(capsys.readouterr().out)


def test_a_limit_is_set_changed_and_removed(ada, capsys):
    assert run(capsys, ada) == []
    (limit,) = run(capsys, ada, "--key", "ci", "--period", "monthly", "--usd", "20")
    assert (limit["amount"], limit["left"], limit["spent"], limit["period"]) == ("20.00", "20.00", "0.00", "monthly")
    assert limit["resets_at"].endswith("-01T00:00:00+00:00")
    assert run(capsys, ada, "--key", "ci", "--period", "monthly", "--usd", "7.50")[0]["amount"] == "7.50"
    both = run(capsys, ada, "--member", "ADA@example.com", "--period", "total", "--usd", "100")
    assert [limit["member_id"] for limit in both] == [None, ada.organization.member_id]
    assert [limit["period"] for limit in run(capsys, ada, "--key", "ci", "--period", "monthly", "--remove")] == [
        "total"
    ]


def test_budgets_too(ada, capsys):
    run(capsys, ada, "--key", "ci", "--period", "daily", "--usd", "1")
    run(capsys, ada, "--organization-budget", "--period", "monthly", "--usd", "200")
    _, budget = run(capsys, ada)
    assert (budget["api_key_id"], budget["member_id"], budget["amount"]) == (None, None, "200.00")
    with pytest.raises(CommandError, match="The weekly budget must be below the monthly one"):
        run(capsys, ada, "--organization-budget", "--period", "weekly", "--usd", "200")
    assert len(run(capsys, ada)) == 2
    assert len(run(capsys, ada, "--organization-budget", "--period", "monthly", "--remove")) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--usd", "20"], "Say whose limit"),
        (["--key", "ci", "--usd", "20"], "Say whose limit"),
        (["--organization-budget", "--usd", "20"], "Say whose limit"),
        (["--organization-budget", "--period", "daily"], "Say the amount"),
        (["--organization-budget", "--period", "daily", "--remove"], "There is no daily limit here"),
        (["--key", "ci", "--period", "daily"], "Say the amount"),
        (["--key", "nope", "--period", "daily", "--usd", "20"], "There is no API key 'nope' here"),
        (["--member", "eve@example.com", "--period", "daily", "--usd", "2"], "There is no member"),
        (["--key", "ci", "--period", "daily", "--usd", "0"], "A limit is"),
        (["--key", "ci", "--period", "daily", "--usd", "x"], "not an amount"),
        (["--key", "ci", "--period", "daily", "--remove"], "There is no daily limit here"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(ada, capsys, arguments, said):
    with pytest.raises(CommandError, match=said):
        run(capsys, ada, *arguments)


def test_foreign_keys_members_and_limits_are_not_there(ada):
    eve = visitor("eve")
    theirs = api_key_create(organization_id=eve.organization.id, name="theirs")
    for subject in ({"api_key_id": theirs.id}, {"member_id": eve.organization.member_id}):
        with pytest.raises(LimitSubjectNotFound):
            limit_set(
                organization_id=ada.organization.id,
                api_key_id=subject.get("api_key_id"),
                member_id=subject.get("member_id"),
                period="daily",
                amount_nanos=10**9,
            )
    limit = limit_set(organization_id=eve.organization.id, api_key_id=theirs.id, period="daily", amount_nanos=10**9)
    with pytest.raises(LimitSubjectNotFound):
        limit_remove(organization_id=ada.organization.id, limit_id=limit)
