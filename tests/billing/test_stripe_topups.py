"""Top-ups by Stripe: started once, credited once, by whichever of webhook, page and sweep comes first."""

from random import Random
from uuid import uuid4

import pytest
from django.db import connection

from billing.ledger import ledger_check
from billing.models import StripeCustomer, StripeEvent, Topup, Transfer
from billing.simulator.store import SimulatorRefused, Store
from billing.stripe_client import StripeUnavailable
from billing.stripe_events import events_process
from billing.stripe_sweep import stripe_sweep
from billing.topups import (
    CENTS_MAX,
    STARTED_PER_HOUR_MAX,
    PaymentMismatch,
    TopupRefused,
    payment_credit,
    topup_returned,
)
from tests.billing.payments import USD, Payments


def bent(payments: Payments, kind: str, object_id: str, **fields):
    """Change an object at Stripe behind everybody's back."""
    with Store(payments.path).objects() as objects:
        found = objects.find(kind, object_id)
        assert found is not None
        objects.put(found | fields)


def test_from_the_form_to_the_balance(payments):
    topup = payments.pay(25)
    assert payments.dollars == 0
    payments.told()
    assert payments.dollars == 25
    topup.refresh_from_db()
    transfer = Transfer.objects.get(idempotency_key=f"topup:{topup.payment_intent_id}")
    assert (transfer.kind, transfer.amount_nanos, transfer.debit_account.kind) == ("topup", 25 * USD, "stripe_clearing")
    payments.check()


def test_page_webhook_and_sweep_credit_once(payments):
    topup = payments.pay(25)
    organization_id = payments.host.organization.id
    for _ in range(2):
        found = topup_returned(organization_id=organization_id, session_id=topup.session_id or "")
        assert found is not None
        assert found.status == "paid"
    payments.told()
    with payments.later(hours=1):
        assert stripe_sweep() == 0
    assert payments.dollars == 25
    payments.check()


def test_the_sweep_alone_is_enough(payments):
    payments.pay(25)
    assert payments.sender.misbehave(Random(1), loss=1.0) == []
    with payments.later(hours=1):
        assert stripe_sweep() == 0
    assert payments.dollars == 25
    payments.check()


def test_one_form_is_one_payment_however_often_it_is_sent(payments):
    once = uuid4()
    first, second = payments.start(20, topup_id=once), payments.start(20, topup_id=once)
    assert first.session_id == second.session_id
    assert len(payments.bank.newest("checkout.session")) == 1
    with pytest.raises(TopupRefused, match="other values"):
        payments.start(30, topup_id=once)


@pytest.mark.parametrize("cents", [-500, 0, 499, CENTS_MAX + 1])
def test_amounts_that_cannot_be_reach_nobody(payments, cents):
    with pytest.raises(TopupRefused, match=r"\$5 to \$10,000"):
        payments.start(cents / 100)
    assert payments.http.asked == []
    assert not Topup.objects.exists()


def test_many_starts_in_an_hour_are_refused(payments):
    payments.start()
    row = Topup.objects.get()
    Topup.objects.bulk_create(
        Topup(wallet_id=row.wallet_id, kind="checkout", amount_cents=500) for _ in range(STARTED_PER_HOUR_MAX)
    )
    with pytest.raises(TopupRefused, match="Wait a little"):
        payments.start()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"currency": "eur"}, "in eur"),
        ({"livemode": True}, "other mode"),
        ({"customer": "cus_other"}, "another customer"),
        ({"amount_received": 1999}, "1999 cents"),
        ({"amount_received": 2001}, "2001 cents"),
    ],
)
def test_a_payment_that_is_not_what_was_asked_for_moves_nothing(payments, fields, said):
    topup = payments.pay(20)
    payment_id = payments.bank.session(topup.session_id)["payment_intent"]
    bent(payments, "payment_intent", payment_id, **fields)
    with pytest.raises(PaymentMismatch, match=said):
        payment_credit(payment_intent_id=payment_id)
    payments.sender.send()
    events_process()
    waiting = StripeEvent.objects.filter(status="new")
    assert waiting.exists()
    assert all("PaymentMismatch" in event.error for event in waiting)
    assert payments.dollars == 0
    with payments.later(hours=1):
        assert stripe_sweep() > 0
    assert payments.dollars == 0
    payments.check()


def test_a_payment_of_somebody_elses_is_ignored(payments):
    topup = payments.pay(20)
    payment_id = payments.bank.session(topup.session_id)["payment_intent"]
    bent(payments, "payment_intent", payment_id, metadata={})
    assert payment_credit(payment_intent_id=payment_id) is None
    assert payments.dollars == 0


def test_tax_is_paid_on_top_and_kept_apart(payments, settings):
    settings.STRIPE_AUTOMATIC_TAX = True
    topup = payments.topped_up(20)
    assert (topup.amount_cents, topup.tax_cents) == (2000, 200)
    assert payments.dollars == 20
    tax = Transfer.objects.get(idempotency_key=f"topup:{topup.payment_intent_id}:tax")
    assert (tax.amount_nanos, tax.credit_account.kind) == (2 * USD, "tax_payable")
    payments.check()


def test_a_payment_that_takes_days_is_on_its_way_until_it_arrives(payments):
    topup = payments.pay(20, how="delayed")
    payments.told()
    topup.refresh_from_db()
    assert topup.status == "processing"
    payments.bank.session_settle(payments.bank.session(topup.session_id)["payment_intent"])
    payments.told()
    assert payments.dollars == 20

    bounced = payments.pay(30, how="delayed")
    payments.bank.session_settle(payments.bank.session(bounced.session_id)["payment_intent"], succeeds=False)
    payments.told()
    bounced.refresh_from_db()
    assert bounced.status == "failed"
    assert payments.dollars == 20
    payments.check()


def test_a_declined_card_leaves_the_page_open_and_the_next_one_pays(payments):
    topup = payments.pay(20, how="declined")
    payments.told()
    topup.refresh_from_db()
    assert topup.status == "open"
    payments.bank.session_pay(topup.session_id)
    payments.told()
    assert payments.dollars == 20


def test_a_page_that_nobody_paid_expires(payments):
    topup = payments.start()
    payments.bank.session_expire(topup.session_id)
    payments.told()
    topup.refresh_from_db()
    assert topup.status == "expired"
    never = Topup.objects.create(wallet_id=topup.wallet_id, kind="checkout", amount_cents=500)
    with payments.later(hours=26):
        stripe_sweep()
    never.refresh_from_db()
    assert (never.status, never.failure) == ("failed", "never_asked")


def test_a_database_that_was_restored_finds_its_payments_again(payments):
    payments.topped_up(10)
    kept = payments.pay(20)
    Topup.objects.filter(id=kept.id).delete()
    with payments.later(hours=1):
        assert stripe_sweep() == 0
        assert stripe_sweep() == 0
    assert payments.dollars == 30
    payments.check()


def test_a_payment_that_names_a_customer_of_nobody_is_not_found_again(payments):
    kept = payments.pay(20)
    Topup.objects.filter(id=kept.id).delete()
    StripeCustomer.objects.all().delete()
    with payments.later(hours=1):
        assert stripe_sweep() == 1
    assert payments.dollars == 0


def test_a_lost_answer_is_asked_for_again_and_a_long_silence_is_said(payments):
    payments.start()
    payments.http.accidents.extend(["unheard", None])
    payments.start(20)
    assert len(payments.bank.newest("checkout.session")) == 2
    once = uuid4()
    payments.http.accidents.extend(["lost", "lost", "lost"])
    with pytest.raises(StripeUnavailable):
        payments.start(20, topup_id=once)
    payments.start(20, topup_id=once)
    assert len(payments.bank.newest("checkout.session")) == 3


def test_the_database_refuses_rows_that_cannot_be(payments):
    topup = payments.topped_up(20)
    for wrong in ("status = 'gone'", "amount_cents = 0", "tax_cents = -1", "payment_intent_id = NULL"):
        with pytest.raises(Exception, match="violates check constraint"), connection.cursor() as cursor:
            cursor.execute("SAVEPOINT before")
            try:
                cursor.execute(f"UPDATE topup SET {wrong} WHERE id = %s", [topup.id])
            finally:
                cursor.execute("ROLLBACK TO SAVEPOINT before")


@pytest.mark.parametrize(
    ("bend", "rule"),
    [
        ("UPDATE topup SET payment_intent_id = 'pi_other'", "topup_without_transfer"),
        ("UPDATE topup SET status = 'open'", "topup_without_payment"),
        ("UPDATE topup SET tax_cents = 7", "tax_payable"),
        ("UPDATE topup SET amount_cents = amount_cents + 1", "stripe_clearing"),
    ],
)
def test_top_ups_are_paid_payments_or_the_check_says_so(payments, bend, rule):
    payments.topped_up(20)
    payments.check()
    with connection.cursor() as cursor:
        cursor.execute(bend)
    assert rule in {violation.rule for violation in ledger_check()}


def test_the_simulator_has_no_place_without_debug(settings, simulator_file):
    settings.DEBUG = False
    with pytest.raises(SimulatorRefused):
        Store(simulator_file)
