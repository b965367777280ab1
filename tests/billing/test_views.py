"""The pages of money: balance, ledger lines, development top-up, usage by pages."""

import re
from uuid import uuid4

import pytest
from django.test import Client

from accounts.services import api_key_create
from billing.selectors import transfers_list, usage_list, wallet_get
from tests.browser.ledger_rows import REQUESTS, usage_make
from tests.tokenoutput.pages import catalog_make, member, visitor

USD = 1_000_000_000


@pytest.fixture
def ada(db, settings):
    settings.DEBUG = True
    return visitor()


def balance(host):
    return wallet_get(organization_id=host.organization.id).balance_nanos


def top_up(who, amount, **more):
    return who.client.post(who.path("billing/topup"), {"amount_usd": amount, "once": uuid4()} | more)


@pytest.mark.parametrize(("typed", "nanos"), [("20", 20 * USD), ("$1,250.50", 1_250_500_000_000), (" 5.00 ", 5 * USD)])
def test_a_top_up_is_a_line_of_the_ledger_and_on_the_balance(ada, typed, nanos):
    before = balance(ada)
    assert top_up(ada, typed)["Location"] == ada.path("billing")
    assert balance(ada) - before == nanos
    assert transfers_list(organization_id=ada.organization.id)[0].amount_nanos == nanos
    page = ada.client.get(ada.path("billing")).content.decode()
    assert "added to your balance" in page
    assert "Top-up" in page
    assert "Starter credit" in page


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Say how much"),
        ("4.99", "from $5.00 to $10,000.00"),
        ("10000.01", "from $5.00 to $10,000.00"),
        ("-20", "from $5.00 to $10,000.00"),
        ("20.001", "Cents are the smallest step."),
        ("twenty", "dollars and cents as digits"),
        ("1e3", "dollars and cents as digits"),
        ("NaN", "dollars and cents as digits"),
        ("9" * 17, "at most 16 characters"),
    ],
)
def test_amounts_that_cannot_be_are_refused_beside_the_field(ada, typed, said):
    before = balance(ada)
    response = top_up(ada, typed)
    html = response.content.decode()
    assert response.status_code == 422
    assert said in html
    described = re.search(r'<input[^>]*name="amount_usd"[^>]*>', html)
    assert described
    assert 'aria-invalid="true"' in described[0]
    assert "id_amount_usd_error" in described[0]
    assert balance(ada) == before


def test_a_form_that_is_sent_twice_credits_once(ada):
    before, once = balance(ada), uuid4()
    assert [top_up(ada, "20", once=once).status_code for _ in range(2)] == [302, 302]
    assert balance(ada) - before == 20 * USD


def test_the_stand_in_says_what_it_is_and_is_gone_without_debug(ada, settings):
    assert "Development stand-in" in ada.client.get(ada.path("billing")).content.decode()
    settings.DEVELOPMENT_TOPUP = False
    assert "Add to balance" not in ada.client.get(ada.path("billing")).content.decode()
    assert top_up(ada, "20").status_code == 404


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("developer", 403), ("billing", 302), ("admin", 302)])
def test_who_may_top_up(ada, role, status):
    bo = member(ada, role=role)
    page = bo.client.get(bo.path("billing")).content.decode()
    assert ("Add to balance" in page) is (status == 302)
    assert top_up(bo, "20").status_code == status


def test_a_stranger_and_a_form_without_token_top_up_nothing(ada):
    before = balance(ada)
    assert visitor("eve").client.post(ada.path("billing/topup"), {"amount_usd": "20"}).status_code == 404
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada.user)
    assert strict.post(ada.path("billing/topup"), {"amount_usd": "20"}).status_code == 403
    assert balance(ada) == before


@pytest.mark.parametrize(
    ("before", "status"), [("nonsense", 404), ("", 200), ("018f0000-0000-7000-8000-000000000000", 200)]
)
def test_a_cursor_is_an_id_or_nothing(ada, before, status):
    assert ada.client.get(ada.path("usage"), {"before": before}).status_code == status


def test_usage_is_read_page_by_page_each_request_once(database):
    name = uuid4().hex[:12]
    host = visitor(name)
    key = api_key_create(organization_id=host.organization.id, name="ci")
    model = f"small-{name}"
    model_id = catalog_make(suffix=f"-{name}")[model]
    wallet = wallet_get(organization_id=host.organization.id)
    usage_make(wallet_id=wallet.wallet_id, api_key_id=key.id, model_id=model_id, rounds=14)

    seen, query = [], ""
    while True:
        html = host.client.get(host.path("usage") + query).content.decode()
        seen += re.findall(r'<data value="([\d.]+)"', html)
        older = re.search(r'href="(\?before=[^"]+)"', html)
        if not older:
            break
        query = older[1]
    rows = usage_list(organization_id=host.organization.id, limit=100)
    assert len(rows) == len(seen) == 14 * len(REQUESTS)
    assert sorted(round(float(value) * USD) for value in seen) == sorted(row.charge_nanos for row in rows)
    for words in (model, "ci", "Client hung up", "Provider error", "96,000"):
        assert words in html, words
    overview = host.client.get(host.path()).content.decode()
    assert "Latest requests" in overview
    assert model in overview
