"""Budgets, the ledger, alerts and webhooks through the API: what the dashboard shows, exactly."""

from decimal import Decimal

import pytest

from accounts.audit import audit_list
from accounts.models import Membership
from billing import ledger
from billing.alert_models import AlertDelivery, AlertSettings
from tests.api.programs import error_of, program
from tests.billing.test_admin import DjangoBooks
from tests.tokenoutput.pages import member, visitor

pytestmark = pytest.mark.django_db
USD = 1_000_000_000


@pytest.fixture
def ada():
    return visitor()


@pytest.fixture
def asking(ada):
    return program(ada)


def put(asking, path, body):
    return asking.ask("put", path, body)


# --- budgets --------------------------------------------------------------------------------------------------------


def test_a_budget_is_set_seen_enforced_and_removed(ada, asking):
    assert asking.data("organization/budgets") == []
    made = put(asking, "organization/budgets/monthly", {"limit_usd": "20.00"}).json()["data"]
    assert (made["interval"], made["limit"], made["limit_usd"]) == ("monthly", 20.0, "20.000000000")
    assert made["resets_at"].endswith("-01T00:00:00Z")
    assert put(asking, "organization/budgets/lifetime", {"limit_usd": 100}).json()["data"]["resets_at"] is None
    wallet, books = ledger.wallet_open(organization_id=ada.organization.id), DjangoBooks()
    books.finish(books.hold(wallet, 1.25), wallet, 1.25)
    assert asking.data("organization/budgets/monthly")["spent_usd"] == "1.250000000"
    assert [budget["interval"] for budget in asking.data("organization/budgets")] == ["monthly", "lifetime"]
    put(asking, "organization/budgets/daily", {"limit_usd": "1.30"})
    assert books.hold(wallet, 0.1) == "organization_budget"
    assert asking.ask("delete", "organization/budgets/daily").json() == {"deleted": True}
    assert asking.ask("delete", "organization/budgets/daily").status_code == 404
    assert books.hold(wallet, 0.1) != "organization_budget"
    entry = audit_list(organization_id=ada.organization.id)[0]
    assert (entry.action, entry.details["via"]) == ("organization.budget_removed", "management key “ci”")


@pytest.mark.parametrize("amount", [0, -1, "0.001", "2000000", "much", None, True])
def test_amounts_that_cannot_be_budgets(asking, amount):
    answer = put(asking, "organization/budgets/daily", {"limit_usd": amount})
    assert answer.status_code == 422
    assert list(error_of(answer)["fields"]) == ["limit_usd"]
    assert asking.data("organization/budgets") == []


def test_budgets_fall_as_the_interval_narrows(asking):
    put(asking, "organization/budgets/weekly", {"limit_usd": 10})
    answer = put(asking, "organization/budgets/daily", {"limit_usd": 10})
    assert (answer.status_code, error_of(answer)["reason"]) == (422, "budgets_out_of_order")
    assert "daily budget must be below the weekly one" in answer.json()["error"]["message"]
    assert put(asking, "organization/budgets/hourly", {"limit_usd": 1}).status_code == 404
    assert asking.get("organization/budgets/total").status_code == 404


# --- ledger and receipts --------------------------------------------------------------------------------------------


def test_the_ledger_adds_up_page_after_page(ada, asking):
    for number in range(5):
        ledger.wallet_credit(
            organization_id=ada.organization.id,
            amount_nanos=USD + number,
            key=f"n{number}",
            kind="goodwill",
            reason="x",
        )
    wallet, books = ledger.wallet_open(organization_id=ada.organization.id), DjangoBooks()
    books.finish(books.hold(wallet, 0.5), wallet, 0.5)
    first = asking.get("ledger?limit=2").json()
    assert (first["balance_usd"], first["unsettled_usd"]) == ("9.500000010", "0.500000000")
    lines, link = first["data"], first["links"]["next"]
    while link:
        answer = asking.get(link.partition("/api/v1/")[2]).json()
        lines, link = lines + answer["data"], answer["links"]["next"]
    assert [line["type"] for line in lines] == ["goodwill"] * 5 + ["promo"]
    assert sum(Decimal(line["amount_usd"]) for line in lines) == Decimal(lines[0]["balance_after_usd"])
    assert len(asking.data("ledger?type=promo")) == 1
    assert asking.data("ledger?to=2020-01-01") == []


@pytest.mark.parametrize(
    "query", ["cursor=x", "limit=0", "limit=101", "type=nonsense", "from=yesterday", "from=2026-11-02&to=2026-11-01"]
)
def test_ledger_questions_that_cannot_be(asking, query):
    assert asking.get(f"ledger?{query}").status_code == 400


# --- alerts and webhooks --------------------------------------------------------------------------------------------


def test_alerts_change_by_what_is_named(ada, asking):
    before = asking.data("alerts")
    assert (before["low_balance_usd"], before["roles"], before["recipients"]) == ("5.000000000", ["owner"], [])
    changed = put(asking, "alerts", {"low_balance_usd": "12.50", "recipients": ["Ops@example.org"]}).json()["data"]
    ops = ["ops@example.org"]
    assert changed == before | {
        "low_balance_usd": "12.500000000",
        "recipients": ops,
        "recipients_unconfirmed": ops,
        "recipients_unsubscribed": [],
    }
    assert put(asking, "alerts", {"spending_limit": False}).json()["data"]["spending_limit"] is False
    assert AlertSettings.objects.get().low_balance_nanos == 12_500_000_000
    assert asking.post("alerts/test").json() == {"data": {"addresses": 1}}
    assert AlertDelivery.objects.count() == 1
    for body in (
        {"recipients": ["nonsense"]},
        {"recipients": [f"a{n}@example.org" for n in range(6)]},
        {"roles": ["viewer"]},
        {"unusual_factor": 4},
        {"low_balance_usd": 0},
        {"webhook_url": "https://example.com/"},
    ):
        assert put(asking, "alerts", body).status_code == 422, body


def test_whoever_only_pays_changes_no_budgets_and_no_alerts(ada):
    bo = member(ada, role="admin")
    asking = program(bo)
    Membership.objects.filter(id=bo.organization.member_id).update(role="billing")
    assert put(asking, "organization/budgets/daily", {"limit_usd": 1}).status_code == 403
    assert put(asking, "alerts", {"low_balance": False}).status_code == 403
    assert asking.post("webhooks", {"url": "https://hooks.example.com/"}).status_code == 403
    assert asking.get("ledger").status_code == 200
