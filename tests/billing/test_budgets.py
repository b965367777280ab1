"""Budgets of an organisation: saved together by owners and admins, in order, audited, shown to everybody."""

import pytest

from accounts.audit import audit_list
from billing import ledger
from billing.budgets import BudgetsOutOfOrder, budgets_get, budgets_set
from billing.limits import LimitAmountRefused, limit_remove
from tests.billing.test_admin import DjangoBooks
from tests.tokenoutput.pages import member, visitor

pytestmark = pytest.mark.django_db
USD = 1_000_000_000
PAGE = "billing/budgets"


@pytest.fixture
def ada():
    return visitor()


def amounts(who):
    budgets = budgets_get(organization_id=who.organization.id)
    return {period: budget.amount_nanos / USD for period, budget in budgets.items()}


def save(who, **typed):
    return who.client.post(who.path(PAGE), typed)


def test_budgets_are_saved_changed_and_taken_away_together(ada):
    response = ada.client.post(ada.path(PAGE), {"daily": "5", "monthly": "$1,000.00"}, follow=True)
    html = " ".join(response.content.decode().split())
    assert "Saved. Budgets hold from the next request on" in html
    assert "of $5.00 a day" in html
    assert amounts(ada) == {"daily": 5, "monthly": 1000}
    assert (
        "as they were"
        in ada.client.post(ada.path(PAGE), {"daily": "5.00", "monthly": "1000"}, follow=True).content.decode()
    )
    save(ada, weekly="30", monthly="900", total="1000")
    assert amounts(ada) == {"weekly": 30, "monthly": 900, "total": 1000}
    lines = [line for line in audit_list(organization_id=ada.organization.id) if "budget" in line.action]
    assert [(line.action, line.details["period"], line.actor) for line in reversed(lines)] == [
        ("organization.budget_set", "daily", "ada@example.com"),
        ("organization.budget_set", "monthly", "ada@example.com"),
        ("organization.budget_removed", "daily", "ada@example.com"),
        ("organization.budget_set", "weekly", "ada@example.com"),
        ("organization.budget_set", "monthly", "ada@example.com"),
        ("organization.budget_set", "total", "ada@example.com"),
    ]


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"daily": "0"}, "daily", "Choose an amount from $0.01"),
        ({"monthly": "-1"}, "monthly", "Choose an amount from $0.01"),
        ({"total": "1.001"}, "total", "Cents are the smallest step."),
        ({"weekly": "much"}, "weekly", "dollars and cents as digits"),
        ({"daily": "10", "weekly": "10"}, "daily", "The daily budget must be below the weekly one."),
        ({"daily": "10", "monthly": "5"}, "daily", "The daily budget must be below the monthly one."),
        ({"weekly": "9", "monthly": "20", "total": "19"}, "monthly", "The monthly budget must be below the total one."),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_nothing_changes(ada, typed, field, said):
    save(ada, daily="1", weekly="2")
    response = save(ada, **typed)
    html = response.content.decode()
    assert response.status_code == 422
    assert said in html
    assert f'name="{field}"' in html
    assert html.index(f'name="{field}"') < html.rindex(said)
    assert amounts(ada) == {"daily": 1, "weekly": 2}
    assert len([line for line in audit_list(organization_id=ada.organization.id) if "budget" in line.action]) == 2


def test_one_budget_alone_is_held_against_the_others(ada):
    """As the API and the command change them, one by one."""
    budgets_set(organization_id=ada.organization.id, amounts_nanos={"weekly": 10 * USD})
    with pytest.raises(BudgetsOutOfOrder, match="daily budget must be below the weekly"):
        budgets_set(organization_id=ada.organization.id, amounts_nanos={"daily": 10 * USD})
    with pytest.raises(LimitAmountRefused):
        budgets_set(organization_id=ada.organization.id, amounts_nanos={"monthly": 1})
    assert budgets_set(organization_id=ada.organization.id, amounts_nanos={"daily": None}) == []
    budget = budgets_get(organization_id=ada.organization.id)["weekly"]
    limit_remove(organization_id=ada.organization.id, limit_id=budget.id, user_id=ada.user.pk)
    assert amounts(ada) == {}
    assert audit_list(organization_id=ada.organization.id)[0].action == "organization.budget_removed"


def test_what_was_spent_and_is_held_counts(ada):
    books, wallet = DjangoBooks(), ledger.wallet_open(organization_id=ada.organization.id)
    books.finish(books.hold(wallet, 1.7), wallet, 1.7)
    save(ada, monthly="2")
    books.hold(wallet, 0.25)
    html = " ".join(ada.client.get(ada.path("billing")).content.decode().split())
    assert '<data value="1.70" title="$1.70">$1.70</data> of $2.00 a month' in html
    assert "$0.25 held." in html
    assert books.hold(wallet, 0.06) == "organization_budget"
    save(ada)
    assert books.hold(wallet, 0.06) != "organization_budget"


@pytest.mark.parametrize(
    ("role", "may"), [("admin", True), ("billing", False), ("developer", False), ("viewer", False)]
)
def test_owners_and_admins_change_budgets_and_everybody_sees_them(ada, role, may):
    save(ada, monthly="7")
    bo = member(ada, role=role)
    html = bo.client.get(bo.path("billing")).content.decode()
    assert "of $7.00 a month" in html
    assert ("Save budgets" in html) is may
    assert save(bo, monthly="8").status_code == (302 if may else 403)
    assert amounts(ada) == {"monthly": 8 if may else 7}


def test_budgets_are_of_one_organisation(ada):
    eve = visitor("eve")
    save(ada, monthly="7")
    save(eve, monthly="3")
    assert eve.client.post(ada.path(PAGE), {"monthly": "1"}).status_code == 404
    assert (amounts(ada), amounts(eve)) == ({"monthly": 7}, {"monthly": 3})
