"""The pages of payments and the door for Stripe's notices: who may, what is said, what is kept."""

import json
import re
import time
from html import unescape
from itertools import pairwise
from uuid import uuid4

import pytest
from django.core.checks import run_checks
from django.test import Client

from billing import stripe_mode
from billing.checks import PaymentsRefused, payments_check_at_start
from billing.ledger import wallet_credit
from billing.models import StripeEvent, Topup
from billing.simulator.notices import signature_make
from billing.statement import statement_get
from billing.stripe_views import BODY_BYTES_MAX
from tests.billing.payments import USD, WEBHOOK
from tests.tokenoutput.pages import member, visitor


@pytest.fixture
def ada(payments):
    return payments.host


def post(who, page, **fields):
    return who.client.post(who.path(page), fields)


def top_up(who, amount, **more):
    return post(who, "billing/topup", amount_usd=amount, once=uuid4(), **more)


def page_of(who, page="billing"):
    return who.client.get(who.path(page)).content.decode()


# --- starting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "cents"), [("20", 2000), ("$1,250.50", 125_050), (" 5.00 ", 500), ("10000", 1_000_000), ("20 USD", 2000)]
)
def test_an_amount_leads_on_to_the_payment_page(ada, typed, cents):
    response = top_up(ada, typed)
    topup = Topup.objects.get()
    assert response["Location"] == f"/stripe-simulator/checkout/{topup.session_id}"
    assert (topup.amount_cents, topup.status, topup.by_user_id) == (cents, "open", ada.user.pk)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Say how much"),
        ("4.99", "from $5.00 to $10,000.00"),
        ("10000.01", "from $5.00 to $10,000.00"),
        ("-20", "from $5.00 to $10,000.00"),
        ("20.001", "Cents are the smallest step."),
        ("20 EUR", "US dollars only"),
        ("€20", "US dollars only"),
        ("twenty", "US dollars only"),
        ("1e3", "US dollars only"),
        ("2O", "US dollars only"),
        ("1.2.3", "dollars and cents as digits"),
        ("9" * 21, "at most 20 characters"),
    ],
)
def test_amounts_that_cannot_be_are_refused_beside_the_field(payments, ada, typed, said):
    response = top_up(ada, typed)
    html = response.content.decode()
    assert response.status_code == 422
    assert said in html
    described = re.search(r'<input[^>]*name="amount_usd"[^>]*>', html)
    assert described
    assert 'aria-invalid="true"' in described[0]
    assert "id_amount_usd_error" in described[0]
    assert not Topup.objects.exists()
    assert payments.http.asked == []


def test_a_payment_page_that_cannot_be_opened_is_said_and_can_be_tried_again(payments, ada):
    once = uuid4()
    payments.http.accidents.extend(["lost"] * 3)
    response = post(ada, "billing/topup", amount_usd="20", once=once)
    assert response.status_code == 503
    assert "Nothing was charged" in response.content.decode()
    assert str(once) in response.content.decode()
    assert post(ada, "billing/topup", amount_usd="20", once=once).status_code == 302
    assert Topup.objects.count() == 1


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("developer", 403), ("billing", 302), ("admin", 302)])
def test_who_may_pay(payments, ada, role, status):
    paid = payments.topped_up(20)
    bo = member(ada, role=role)
    html = page_of(bo)
    for words in ("Continue to payment", "Cards and invoices at Stripe", '/refund"'):
        assert (words in html) is (status == 302), words
    assert top_up(bo, "20").status_code == status
    one = f"billing/payments/{paid.id}"
    assert [bo.client.get(bo.path(f"{one}/{page}")).status_code for page in ("receipt", "refund")] == (
        [302, 200] if status == 302 else [403, 403]
    )
    for page in ("billing/portal", "billing/automatic", "billing/card"):
        assert (post(bo, page, off="1").status_code == 403) is (status == 403)


def test_strangers_find_nothing_and_forms_need_their_token(payments, ada):
    paid = payments.topped_up(20)
    eve = visitor("eve")
    for page in ("billing", f"billing/return?session_id={paid.session_id}", f"billing/payments/{paid.id}/receipt"):
        assert eve.client.get(ada.path(page)).status_code == 404
    # Their own organisation, somebody else's payment.
    for page in (
        f"billing/return?session_id={paid.session_id}",
        f"billing/return?topup={paid.id}",
        f"billing/payments/{paid.id}/receipt",
        f"billing/payments/{paid.id}/refund",
    ):
        assert eve.client.get(eve.path(page)).status_code == 404
    assert eve.client.post(ada.path("billing/topup"), {"amount_usd": "20"}).status_code == 404
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada.user)
    assert strict.post(ada.path("billing/topup"), {"amount_usd": "20"}).status_code == 403
    assert Topup.objects.count() == 1


def test_without_keys_and_without_debug_nobody_can_pay(payments, ada, settings):
    settings.DEBUG = False
    html = page_of(ada)
    assert "Payments are not configured" in html
    assert "Continue to payment" not in html
    assert top_up(ada, "20").status_code == 404
    assert Client().post(WEBHOOK, b"{}", content_type="application/json").status_code == 404
    for page in ("", "checkout/cs_x", "receipts/ch_x", "portal/bps_x"):
        assert Client().get(f"/stripe-simulator/{page}").status_code == 404


# --- coming back ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "said"),
    [("pay", "Payment received"), ("delayed", "Payment on its way"), ("declined", "Payment on its way")],
)
def test_the_return_page_says_what_became_of_it(payments, ada, how, said):
    topup = payments.pay(20, how=how)
    html = page_of(ada, f"billing/return?session_id={topup.session_id}")
    assert said in html
    assert ("$20.00 added to your balance" in html) is (how == "pay")


def test_a_payment_that_takes_long_is_explained(payments, ada):
    payments.topped_up(12)
    topup = payments.pay(50, how="delayed")
    path = f"billing/return?session_id={topup.session_id}"
    html = page_of(ada, path)
    assert "Confirming $50.00" in html
    assert "$12.00 + $50.00 confirming" in html
    (again,) = re.findall(r'data-confirming="([^"]+)"', html)
    again = f"billing/return{unescape(again)}"
    assert "Confirming $50.00" in page_of(ada, again)
    with payments.later(seconds=61):
        late = page_of(ada, again)
        assert "Confirming $50.00" in page_of(ada, path + "&since=9999999999999")
    assert "Still being confirmed" in late
    assert topup.session_id in late
    assert "data-confirming" not in late
    payments.bank.session_settle(payments.bank.session(topup.session_id)["payment_intent"])
    assert "Your balance is $62.00" in page_of(ada, again)


def test_the_box_says_what_is_bought(payments, ada, settings):
    html = page_of(ada, "billing?amount=50")
    assert 'value="50.00"' in html
    for amount in ("4", "x", "%00", "1e9"):
        assert 'value="20.00"' in page_of(ada, f"billing?amount={amount}")
    for words in ("exactly this amount", "$0.00", "none is added", "never", "no, one payment", "Refunds"):
        assert words in html, words
    settings.STRIPE_AUTOMATIC_TAX = True
    assert "where it is due, shown before you pay" in page_of(ada)
    settings.STRIPE_AUTOMATIC_TAX = False
    payments.topped_up(20, save_card=True)
    assert "your card is charged $20.00 5 times, $100.00 together" in page_of(ada)
    post(ada, "billing/automatic", threshold_usd="5", topup_usd="30", monthly_cap_usd="100")
    assert "your card is charged $30.00 3 times, $90.00 together" in page_of(ada)


def test_whoever_leaves_the_page_has_not_paid(payments, ada):
    topup = payments.start()
    left = Client().post(f"/stripe-simulator/checkout/{topup.session_id}", {"how": "leave"})
    html = ada.client.get(left["Location"]).content.decode()
    assert "Not paid" in html
    assert "Nothing was charged" in html
    payments.bank.session_expire(topup.session_id)
    assert "Not paid" in page_of(ada, f"billing/return?session_id={topup.session_id}")


def test_stripe_away_means_on_its_way_not_lost(payments, ada):
    topup = payments.pay(20)
    payments.http.accidents.extend(["lost"] * 3)
    html = page_of(ada, f"billing/return?session_id={topup.session_id}")
    assert "Payment on its way" in html
    assert topup.session_id in html
    assert "Payment received" in page_of(ada, f"billing/return?session_id={topup.session_id}")


@pytest.mark.parametrize("query", ["", "?session_id=", "?session_id=cs_unknown", "?topup=nonsense", "?session_id=%00"])
def test_an_address_that_means_nothing_is_not_found(ada, query):
    assert ada.client.get(ada.path(f"billing/return{query}")).status_code == 404


def test_every_button_of_the_payment_page(payments, ada):
    def press(topup, how):
        return Client().post(f"/stripe-simulator/checkout/{topup.session_id}", {"how": how})

    topup = payments.start(20)
    assert b"This is a simulation" in Client().get(f"/stripe-simulator/checkout/{topup.session_id}").content
    assert b"The card was declined" in press(topup, "declined").content
    assert b"Your bank asks" in press(topup, "authentication").content
    assert b"The card was declined" in press(topup, "refuse").content
    paid = press(topup, "pay")
    assert paid["Location"] == ada.path(f"billing/return?session_id={topup.session_id}")
    assert "Payment received" in ada.client.get(paid["Location"]).content.decode()

    late = payments.start(30)
    assert "on its way" in ada.client.get(press(late, "delayed")["Location"]).content.decode()
    payment_id = payments.bank.session(late.session_id)["payment_intent"]
    assert b"It arrives" in Client().get("/stripe-simulator/").content
    assert Client().post("/stripe-simulator/", {"do": f"arrive {payment_id}"}).status_code == 302
    payments.told()
    assert payments.dollars == 50
    assert Client().post("/stripe-simulator/", {"do": "arrive pi_x"}).status_code == 404
    assert Client().post("/stripe-simulator/", {"do": "nonsense"}).status_code == 404


def test_receipts_and_the_portal_are_at_stripe(payments, ada):
    assert post(ada, "billing/portal").status_code == 404
    topup = payments.topped_up(20, save_card=True)
    receipt = ada.client.get(ada.path(f"billing/payments/{topup.id}/receipt"))["Location"]
    assert receipt.startswith("/stripe-simulator/receipts/in_")
    assert b"$20.00" in Client().get(receipt).content
    portal = post(ada, "billing/portal")["Location"]
    html = Client().get(portal).content.decode()
    (card_id,) = re.findall(r'value="(pm_\w+)"', html)
    assert "ending in" in page_of(ada)
    Client().post(portal, {"remove": card_id})
    payments.told()
    assert "No card is saved" in page_of(ada)


# --- the ledger -----------------------------------------------------------------------------------------------------


def test_the_lines_add_up_page_after_page(payments, ada):
    organization_id = ada.organization.id
    for number in range(1, 8):
        wallet_credit(
            organization_id=organization_id, amount_nanos=number * USD, key=f"n{number}", kind="goodwill", reason="x"
        )
    seen, before = [], None
    while True:
        statement = statement_get(organization_id=organization_id, before=before, limit=3)
        if not statement.lines:
            break
        seen += statement.lines
        before = seen[-1].id
    assert len(seen) == 7
    assert seen[0].balance_nanos == statement.balance_nanos == 28 * USD
    for newer, older in pairwise(seen):
        assert newer.balance_nanos - newer.amount_nanos == older.balance_nanos
    assert seen[-1].balance_nanos == seen[-1].amount_nanos
    assert "Balance after" in page_of(ada)


# --- the door for notices -------------------------------------------------------------------------------------------


def notice(**changes):
    event = {
        "id": f"evt_{uuid4().hex}",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": {"id": "pi_x", "customer": "cus_x"}},
    }
    return json.dumps(event | changes).encode()


def deliver(body, *, at=None, secret=None, header=None):
    signature = signature_make(body, secret or stripe_mode.webhook_secret(), at=at) if header is None else header
    return (
        Client()
        .post(WEBHOOK, body, content_type="application/json", headers={"Stripe-Signature": signature})
        .status_code
    )


def test_a_notice_is_kept_once_whatever_it_is_of(payments):
    body = notice()
    assert [deliver(body), deliver(body), deliver(notice(type="charge.captured"))] == [200, 200, 200]
    assert sorted(StripeEvent.objects.values_list("status", flat=True)) == ["done", "new"]


REFUSED = {
    "no signature": lambda: deliver(notice(), header=""),
    "nonsense": lambda: deliver(notice(), header="t=x,v1=y"),
    "no scheme of ours": lambda: deliver(notice(), header=f"t={int(time.time())},v0=aa"),
    "forged": lambda: deliver(notice(), secret="whsec_other"),
    "signed with nothing": lambda: deliver(notice(), header=signature_make(notice(), "")),
    "of another body": lambda: deliver(notice(), header=signature_make(b"{}", stripe_mode.webhook_secret())),
    "old": lambda: deliver(notice(), at=int(time.time()) - 301),
    "future": lambda: deliver(notice(), at=int(time.time()) + 310),
    "not UTF-8": lambda: deliver(b"\xff\xfe" + notice()),
    "not JSON": lambda: deliver(b"{"),
    "deep": lambda: deliver(b"[" * 100_000),
    "no event": lambda: deliver(notice(object="charge")),
    "a list": lambda: deliver(b"[]"),
    "live": lambda: deliver(notice(livemode=True)),
    "time as text": lambda: deliver(notice(livemode="yes", created="x")),
    "another account's": lambda: deliver(notice(account="acct_1")),
    "without object": lambda: deliver(notice(data={})),
    "NUL in an id": lambda: deliver(notice(id="evt_\x00")),
    "long id": lambda: deliver(notice(id="e" * 256)),
    "endless time": lambda: deliver(notice(created=10**30)),
    "too large": lambda: deliver(notice(pad="x" * BODY_BYTES_MAX)),
    "1 MB": lambda: deliver(b"x" * 1024 * 1024),
}


def test_what_is_not_stripes_is_refused_and_not_kept(payments):
    assert {name: attempt() for name, attempt in REFUSED.items()} == dict.fromkeys(REFUSED, 400)
    assert not StripeEvent.objects.exists()


def test_the_edges_of_time_and_size_are_taken(payments):
    now = int(time.time())
    assert deliver(notice(), at=now - 290) == 200
    assert deliver(notice(), at=now + 290) == 200
    body = notice(pad="")
    assert deliver(body[:-2] + b"x" * (BODY_BYTES_MAX - len(body)) + body[-2:]) == 200
    assert Client().get(WEBHOOK).status_code == 405


# --- settings under which it does not run ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "secret", "refused"),
    [
        ("sk_live_x", "", "billing.E002"),
        ("rk_live_x", "", "billing.E002"),
        ("sk_live_x", "whsec_x", None),
        ("sk_test_x", "", None),
        ("pk_live_x", "whsec_x", "billing.E001"),
        ("sk_live_x", "sk_live_x", "billing.E003"),
        ("", "", None),
    ],
)
def test_live_keys_need_the_secret_of_notices(settings, key, secret, refused):
    settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET = key, secret
    assert [found.id for found in run_checks(tags=["payments"])] == ([refused] if refused else [])
    if refused:
        with pytest.raises(PaymentsRefused):
            payments_check_at_start()
    else:
        payments_check_at_start()


def test_keys_of_ones_own_are_never_simulated(settings):
    settings.DEBUG, settings.STRIPE_SECRET_KEY = True, "sk_test_x"
    settings.STRIPE_WEBHOOK_SECRET = "whsec_mine"
    assert stripe_mode.configured()
    assert not stripe_mode.simulated()
    assert stripe_mode.webhook_secret() == "whsec_mine"
    assert Client().get("/stripe-simulator/").status_code == 404
