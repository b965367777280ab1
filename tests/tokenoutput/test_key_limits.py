"""Limits on the page of API keys: set with a new key and later, shown with what is spent, for owners and admins."""

import pytest

from accounts.selectors import api_keys_list
from accounts.services import api_key_create
from billing import ledger
from billing.limits import limits_list
from tests.billing.test_admin import DjangoBooks
from tests.tokenoutput.pages import member, visitor

pytestmark = pytest.mark.django_db
USD = 1_000_000_000
NEW = {"name": "ci", "limit_period": "weekly", "limit_nanos": "12.50"}


@pytest.fixture
def ada():
    return visitor()


@pytest.fixture
def key(ada):
    return api_key_create(organization_id=ada.organization.id, name="ci").id


def limits_of(host):
    limits = limits_list(organization_id=host.organization.id)
    return [(limit.api_key_id, limit.member_id, limit.period, limit.amount_nanos) for limit in limits]


def set_limit(who, page, usd="7", period="daily"):
    return who.client.post(who.path(page), {"limit_nanos": usd, "limit_period": period})


def html_of(who):
    return who.client.get(who.path("keys")).content.decode()


def test_a_new_key_begins_with_its_limit_or_with_none(ada):
    assert 'value="20.00"' in html_of(ada)  # suggested: a finite limit
    assert ada.client.post(ada.path("keys"), NEW).status_code == 200
    (key,) = api_keys_list(organization_id=ada.organization.id)
    assert limits_of(ada) == [(key.id, None, "weekly", 12_500_000_000)]
    ada.client.post(ada.path("keys"), NEW | {"limit_period": ""})
    ada.client.post(ada.path("keys"), {"name": "without"})
    assert len(limits_of(ada)) == 1


@pytest.mark.parametrize(
    ("usd", "said"),
    [
        ("", "Say how much, or choose no limit."),
        ("0", "Choose an amount from $0.01 to $1,000,000.00."),
        ("-5", "Choose an amount from"),
        ("1.005", "Cents are the smallest step."),
        ("nothing", "dollars and cents as digits"),
    ],
)
def test_a_limit_that_cannot_be_makes_no_key(ada, usd, said):
    response = ada.client.post(ada.path("keys"), NEW | {"limit_nanos": usd})
    assert response.status_code == 422
    assert said in response.content.decode()
    assert api_keys_list(organization_id=ada.organization.id) == []


def test_limits_are_set_changed_and_removed_later(ada, key):
    [view] = api_keys_list(organization_id=ada.organization.id)
    assert set_limit(ada, f"keys/{key}/limit")["Location"] == ada.path(f"keys/{view.public_hash}")
    set_limit(ada, f"keys/{key}/limit", "9.99")
    set_limit(ada, f"keys/{key}/limit", "100", "total")
    set_limit(ada, f"members/{ada.organization.member_id}/cap", "50", "monthly")
    assert limits_of(ada) == [
        (key, None, "daily", 9_990_000_000),
        (None, ada.organization.member_id, "monthly", 50 * USD),
        (key, None, "total", 100 * USD),
    ]
    first = limits_list(organization_id=ada.organization.id)[0].id
    page = ada.client.post(ada.path(f"limits/{first}/remove"), follow=True).content.decode()
    assert "The limit is gone." in page
    assert len(limits_of(ada)) == 2
    assert ada.client.post(ada.path(f"limits/{first}/remove")).status_code == 404
    assert ada.client.get(ada.path(f"keys/{key}/limit")).status_code == 405


def test_what_is_wrong_is_said_and_nothing_is_set(ada, key):
    for usd, period in (("0", "daily"), ("x", "daily"), ("5", "hourly"), ("", "daily")):
        response = ada.client.post(
            ada.path(f"keys/{key}/limit"), {"limit_nanos": usd, "limit_period": period}, follow=True
        )
        assert "No limit was set." in response.content.decode()
    assert limits_of(ada) == []


def test_the_bar_shows_what_is_spent_and_what_is_held(ada, key):
    books, wallet = DjangoBooks(), ledger.wallet_open(organization_id=ada.organization.id)
    set_limit(ada, f"keys/{key}/limit", "2", "total")
    books.finish(books.hold(wallet, 1.7, key=key), wallet, 1.7)
    books.hold(wallet, 0.25, key=key)
    html = " ".join(html_of(ada).split())
    assert '<data value="1.70" title="$1.70">$1.70</data> of $2.00 in total' in html
    assert "$0.25 held." in html
    assert '<rect width="85" height="4" />' in html
    assert "bar-warning" in html


@pytest.mark.parametrize("role", ["developer", "billing", "viewer"])
def test_only_owners_and_admins_change_limits(ada, key, role):
    set_limit(ada, f"keys/{key}/limit")
    limit = limits_list(organization_id=ada.organization.id)[0].id
    bo = member(ada, role=role)
    html = html_of(bo)
    assert "Set limit" not in html
    assert "$7.00 a day" in html  # but everybody sees them
    pages = [f"keys/{key}/limit", f"members/{bo.organization.member_id}/cap", f"limits/{limit}/remove"]
    assert [set_limit(bo, page).status_code for page in pages] == [403, 403, 403]
    assert bo.client.post(bo.path("keys"), NEW).status_code == (200 if role == "developer" else 403)
    assert len(limits_of(ada)) == 1


def test_an_admin_changes_limits(ada, key):
    bo = member(ada, role="admin")
    assert set_limit(bo, f"keys/{key}/limit").status_code == 302
    assert len(limits_of(ada)) == 1


def test_foreign_keys_members_and_limits_are_not_there(ada, key):
    eve = visitor("eve")
    set_limit(ada, f"keys/{key}/limit")
    limit = limits_list(organization_id=ada.organization.id)[0].id
    pages = [f"keys/{key}/limit", f"members/{ada.organization.member_id}/cap", f"limits/{limit}/remove"]
    for where in (eve, ada):
        assert [eve.client.post(where.path(page), {"limit_nanos": "1", "limit_period": "daily"}).status_code
                for page in pages] == [404, 404, 404]  # fmt: skip
    assert len(limits_of(ada)) == 1
    assert limits_of(eve) == []
