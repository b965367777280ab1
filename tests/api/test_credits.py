"""Credit through the API: exact figures, one payment for one Idempotency-Key, automatic top-ups with bounds."""

from decimal import Decimal

import pytest

from accounts.models import AuditEntry
from billing import ledger
from billing.models import StripeCustomer, Topup
from tests.api.programs import error_of, program
from tests.billing.test_admin import DjangoBooks
from tests.tokenoutput.pages import visitor

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(settings, tmp_path):
    settings.DEBUG = True  # the simulator stands in for Stripe
    settings.STRIPE_SIMULATOR_FILE = str(tmp_path / "stripe.sqlite3")
    return visitor()


@pytest.fixture
def asking(ada):
    return program(ada)


def test_credit_less_usage_is_the_balance_exactly(ada, asking):
    wallet, books = ledger.wallet_open(organization_id=ada.organization.id), DjangoBooks()
    books.finish(books.hold(wallet, 1.234567891), wallet, 1.234567891)
    books.hold(wallet, 0.5)
    found = asking.data("credits")
    assert found["total_usage_usd"] == "1.234567891"
    assert found["total_usage"] == 1.234567891
    assert found["total_credits_usd"] == "5.000000000"
    assert Decimal(found["total_credits_usd"]) - Decimal(found["total_usage_usd"]) == Decimal(found["balance_usd"])
    assert found["held_usd"] == "0.500000000"
    assert Decimal(found["available_usd"]) == Decimal(found["balance_usd"]) - Decimal("0.5")
    assert found["runway_hours"] == round(float(found["available_usd"]) * 24 / 1.234567891, 1)


def test_a_payment_is_begun_once(ada, asking):
    first = asking.post("credits/checkout", {"amount_usd": 20}, Idempotency_Key="pay-1")
    assert first.status_code == 201, first.content
    assert first.json()["data"]["url"].startswith("http")
    assert first.json()["data"]["amount_usd"] == "20.000000000"
    again = asking.post("credits/checkout", {"amount_usd": 20}, Idempotency_Key="pay-1")
    assert again.json()["data"]["id"] == first.json()["data"]["id"]
    assert Topup.objects.count() == 1
    other = asking.post("credits/checkout", {"amount_usd": 30}, Idempotency_Key="pay-1")
    assert other.status_code == 422
    assert error_of(other)["reason"] == "idempotency_key_reused"
    asking.post("credits/checkout", {"amount_usd": "20.00", "save_card": True})
    assert Topup.objects.count() == 2
    assert program(ada).post("credits/checkout", {"amount_usd": 20}, Idempotency_Key="pay-1").status_code == 201
    assert Topup.objects.count() == 3  # another key's keys are its own


def test_who_has_paid_is_led_to_where_the_program_says(ada, asking, settings):
    shop = "http://localhost:9000/paid?session={CHECKOUT_SESSION_ID}"
    begun = asking.post("credits/checkout", {"amount_usd": 20, "success_url": shop}).json()["data"]
    assert begun["session_id"].startswith("cs_")
    paid = ada.client.post(begun["url"].removeprefix(settings.SITE_URL), {"how": "pay"})
    assert f'href="http://localhost:9000/paid?session={begun["session_id"]}"' in paid.content.decode()
    ours = asking.post("credits/checkout", {"amount_usd": 20}).json()["data"]
    paid = ada.client.post(ours["url"].removeprefix(settings.SITE_URL), {"how": "pay"})
    assert paid["Location"] == f"/app/{ada.organization.slug}/billing/return?session_id={ours['session_id']}"


@pytest.mark.parametrize(
    "url",
    ["http://shop.example/paid", "https://10.0.0.1/", "https://u:p@shop.example/", "javascript:alert(1)", "/paid", "",
     "https://shop.example/#paid", "https://intern.local/", "x" * 501, 7, None],
)  # fmt: skip
def test_addresses_that_nobody_is_led_to(asking, url):
    answer = asking.post("credits/checkout", {"amount_usd": 20, "success_url": url})
    assert answer.status_code == 422
    assert list(error_of(answer)["fields"]) == ["success_url"]
    assert Topup.objects.count() == 0


def test_where_cards_are_charged_loopback_is_refused_too(asking, settings):
    settings.STRIPE_SECRET_KEY = "sk_live_x"
    answer = asking.post("credits/checkout", {"amount_usd": 20, "success_url": "http://localhost:9000/"})
    assert list(error_of(answer)["fields"]) == ["success_url"]


@pytest.mark.parametrize("amount", [4.99, "10000.01", 0, -5, "20.005", "ten", None, 1e30, "1e3"])
def test_amounts_that_cannot_be_paid(asking, amount):
    answer = asking.post("credits/checkout", {"amount_usd": amount})
    assert answer.status_code == (422 if amount != "1e3" else 201)
    if answer.status_code == 422:
        assert list(error_of(answer)["fields"]) == ["amount_usd"]


def test_automatic_topups_need_a_card_and_bounds(ada, asking):
    assert asking.data("credits/auto-topup")["enabled"] is False
    bounds = {"enabled": True, "threshold_usd": 5, "amount_usd": 20, "monthly_cap_usd": 100}
    answer = asking.ask("put", "credits/auto-topup", bounds)
    assert (answer.status_code, error_of(answer)["reason"]) == (409, "auto_topup_refused")
    StripeCustomer.objects.create(
        organization_id=ada.organization.id, customer_id="cus_1", card_id="pm_1", card_name="Visa", card_expires="1/30"
    )
    answer = asking.ask("put", "credits/auto-topup", bounds)
    assert answer.status_code == 200
    assert answer.json()["data"]["monthly_cap_usd"] == "100.000000000"
    assert asking.data("credits/auto-topup")["enabled"] is True
    entry = AuditEntry.objects.get(action="auto_topup.set")
    assert entry.details["via"] == "management key “ci”"
    assert entry.actor == "ada@example.com"
    missing = asking.ask("put", "credits/auto-topup", {"enabled": True, "amount_usd": 20})
    assert set(error_of(missing)["fields"]) == {"threshold_usd", "monthly_cap_usd"}
    assert asking.ask("put", "credits/auto-topup", {"enabled": False}).json()["data"]["enabled"] is False


def test_foreign_credit_is_not_seen(asking):
    other = program(visitor("eve"))
    assert asking.data("credits")["total_credits_usd"] == other.data("credits")["total_credits_usd"]
    asking.post("credits/checkout", {"amount_usd": 20}, Idempotency_Key="x")
    assert other.post("credits/checkout", {"amount_usd": 40}, Idempotency_Key="x").status_code == 201
