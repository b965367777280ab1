"""Refunds and disputes: capped, previewed, each delta once, and what is spent is owed."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from billing import ledger
from billing.alarm_models import Alarm
from billing.ledger import wallet_credit
from billing.models import Dispute, Refund, StripeMatch
from billing.refunds import RefundRefused, refund_ask, refund_preview
from billing.stripe_match import account_match
from billing.stripe_sweep import refunds_resume, stripe_sweep
from tests.billing.payments import USD, Payments
from tests.billing.test_ledger import DjangoBooks


def ask(payments: Payments, topup, dollars, *, refund_id=None):
    return refund_ask(
        organization_id=payments.host.organization.id,
        topup_id=topup.id,
        refund_id=refund_id or uuid4(),
        amount_cents=round(dollars * 100),
        by_user_id=payments.host.user.pk,
    )


def spend(payments: Payments, dollars):
    """A request that cost this much."""
    books = DjangoBooks()
    wallet_id = payments.wallet().wallet_id
    assert books.finish(books.hold(wallet_id, dollars), wallet_id, dollars)[0] == "charged"


def test_a_refund_leaves_the_balance_and_reaches_the_card(payments):
    topup = payments.topped_up(20)
    spend(payments, 5)
    preview = refund_preview(organization_id=payments.host.organization.id, topup_id=topup.id)
    assert preview is not None
    assert (preview.paid_nanos, preview.refundable_nanos) == (20 * USD, 15 * USD)
    assert ask(payments, topup, 10).status == "succeeded"
    assert payments.dollars == 5
    with pytest.raises(RefundRefused):
        ask(payments, topup, 5.01)
    payments.told()
    assert payments.dollars == 5
    payments.check()


def test_asked_twice_is_once(payments):
    topup, once = payments.topped_up(20), uuid4()
    for _ in range(2):
        ask(payments, topup, 8, refund_id=once)
    assert payments.dollars == 12
    assert [refund["amount"] for refund in payments.bank.newest("refund")] == [800]
    payments.check()


def test_granted_credit_never_goes_back(payments):
    topup = payments.topped_up(20)
    organization_id = payments.host.organization.id
    wallet_credit(organization_id=organization_id, amount_nanos=7 * USD, key="g", kind="goodwill", reason="sorry")
    preview = refund_preview(organization_id=organization_id, topup_id=topup.id)
    assert preview is not None
    assert preview.refundable_nanos == 20 * USD
    ask(payments, topup, 20)
    assert payments.wallet().granted_nanos == 7 * USD
    payments.check()


@pytest.mark.parametrize("accident", ["lost", "unheard", "error", "error_after", "in_use"])
def test_a_refund_whose_answer_is_lost_happens_once(payments, accident):
    topup = payments.topped_up(20)
    payments.http.accidents.extend([accident] * 3)
    refund = ask(payments, topup, 8)
    assert (refund.status, payments.dollars) == ("new", 12)
    payments.http.accidents.clear()
    with payments.later(minutes=2):
        refunds_resume()
    payments.told()
    refund.refresh_from_db()
    if accident == "error":  # Kept under its key: the same key says so for a day, so that in the end another is used.
        assert (payments.bank.newest("refund"), refund.status) == ([], "new")
        for minutes in (11, 12, 13):
            with payments.later(minutes=minutes):
                refunds_resume()
        refund.refresh_from_db()
        assert refund.attempt == 1
    made = payments.bank.newest("refund")
    assert ([one["amount"] for one in made], refund.status) == ([800], "succeeded")
    assert payments.dollars == 12
    payments.check()


def test_an_error_behind_which_the_refund_was_made_is_found_out_before_another_key_is_used(payments):
    """Every answer is an error, for half an hour; one of them hides a refund that did happen."""
    topup = payments.topped_up(20)
    payments.http.accidents.extend(["error"] * 3)
    refund = ask(payments, topup, 8)
    for minutes, accidents in ((11, [None, *["error"] * 3]), (12, [None, *["error_after"] * 3]), (13, []), (14, [])):
        payments.http.accidents.extend(accidents)
        with payments.later(minutes=minutes):
            refunds_resume()
    refund.refresh_from_db()
    assert (refund.status, refund.attempt) == ("succeeded", 1)
    assert [one["amount"] for one in payments.bank.newest("refund")] == [800]
    assert payments.dollars == 12
    payments.check()


@pytest.mark.parametrize("before", ["pending", "succeeded"])
def test_a_refund_that_fails_returns(payments, before):
    topup = payments.topped_up(20)
    payments.bank.refunds_take(before)
    refund = ask(payments, topup, 8)
    assert refund.status == before
    payments.check()
    payments.bank.refund_end(refund.refund_id or "", "failed")
    payments.told()
    refund.refresh_from_db()
    assert (refund.status, payments.dollars) == ("failed", 20)
    payments.check()


def test_a_refund_made_at_stripe_is_booked_and_what_is_spent_is_owed(payments):
    topup = payments.topped_up(20)
    spend(payments, 15)
    from billing import stripe_client  # noqa: PLC0415 -- as staff would, past our own door

    stripe_client.refund_create(refund_id=uuid4(), payment_intent_id=topup.payment_intent_id or "", gross_cents=2000)
    payments.told()
    wallet = payments.wallet()
    assert (wallet.balance_nanos, wallet.debt_nanos) == (0, 15 * USD)
    payments.topped_up(20)
    wallet = payments.wallet()
    assert (wallet.balance_nanos, wallet.debt_nanos) == (5 * USD, 0)
    payments.check()


def test_tax_goes_back_with_what_it_was_on(payments, settings):
    settings.STRIPE_AUTOMATIC_TAX = True
    topup = payments.topped_up(10)
    for dollars in (3.33, 3.33, 3.34):
        ask(payments, topup, dollars)
    assert sum(Refund.objects.values_list("tax_cents", flat=True)) == topup.tax_cents == 100
    payments.told()
    payments.check()


def test_a_dispute_takes_freezes_and_gives_back(payments):
    topup = payments.topped_up(20)
    spend(payments, 5)
    dispute_id = payments.bank.dispute_open(topup.payment_intent_id or "")
    payments.told()
    assert (payments.dollars, payments.wallet().status) == (15, "active")
    payments.bank.dispute_move(dispute_id)
    payments.told()
    wallet = payments.wallet()
    assert (wallet.balance_nanos, wallet.debt_nanos, wallet.status) == (0, 5 * USD, "frozen")
    assert Alarm.objects.filter(rule="dispute", subject=dispute_id, cleared_at=None).exists()
    with pytest.raises(RefundRefused):
        ask(payments, topup, 1)
    payments.check()
    payments.bank.dispute_win(dispute_id)
    payments.told()
    wallet = payments.wallet()
    assert (wallet.balance_nanos, wallet.debt_nanos, wallet.status) == (15 * USD, 0, "active")
    assert not Alarm.objects.filter(rule="dispute", cleared_at=None).exists()
    payments.check()


def test_a_lost_dispute_stays_frozen_until_a_person_decides(payments):
    topup = payments.topped_up(20)
    dispute_id = payments.bank.dispute_open(topup.payment_intent_id or "")
    payments.bank.dispute_move(dispute_id)
    payments.bank.dispute_close(dispute_id, won=False)
    payments.told()
    assert (payments.dollars, payments.wallet().status) == (0, "frozen")
    assert Dispute.objects.get().closed_at is not None
    payments.check()


@pytest.mark.parametrize("reason", ["staff", "books", "another dispute"])
def test_a_dispute_that_is_won_does_not_open_what_is_frozen_for_another_reason(payments, reason):
    first, second = payments.topped_up(20), payments.topped_up(30)
    wallet_id = payments.wallet().wallet_id
    won, lost = (payments.bank.dispute_open(one.payment_intent_id or "") for one in (first, second))
    payments.bank.dispute_move(won)
    payments.told()
    if reason == "staff":
        ledger.wallet_status_set(wallet_ids=[wallet_id], status="frozen")
    elif reason == "books":
        ledger.wallet_freeze_add(wallet_ids=[wallet_id], reason="books", subject="posted")
    else:
        payments.bank.dispute_move(lost)
        payments.bank.dispute_close(lost, won=False)
        payments.told()
    payments.bank.dispute_win(won)
    payments.told()
    assert payments.wallet().status == "frozen"
    ledger.wallet_status_set(wallet_ids=[wallet_id], status="active")
    assert payments.wallet().status == "active"
    payments.check()


def test_who_opened_a_wallet_in_spite_of_a_lost_dispute_is_not_overruled_by_the_next_one(payments):
    first, second = payments.topped_up(20), payments.topped_up(30)
    lost = payments.bank.dispute_open(first.payment_intent_id or "")
    payments.bank.dispute_move(lost)
    payments.bank.dispute_close(lost, won=False)
    payments.told()
    ledger.wallet_status_set(wallet_ids=[payments.wallet().wallet_id], status="active")
    won = payments.bank.dispute_open(second.payment_intent_id or "")
    payments.bank.dispute_move(won)
    payments.told()
    assert payments.wallet().status == "frozen"
    payments.bank.dispute_win(won)
    payments.told()
    assert payments.wallet().status == "active"
    payments.check()


def test_the_daily_match_books_fees_and_names_strangers(payments):
    topup = payments.topped_up(20)
    ask(payments, topup, 5)
    payments.bank.payouts_make(1000)
    assert account_match() == []
    assert account_match() == []
    assert set(StripeMatch.objects.values_list("type", flat=True)) == {"charge", "refund", "payout"}
    payments.check()
    payments.pay(30)  # Nobody has told us.
    (missing,) = account_match()
    assert missing.amount_cents == 3000
    assert Alarm.objects.filter(rule="stripe_match", subject=missing.id, cleared_at=None).exists()
    payments.told()
    assert account_match() == []
    assert not Alarm.objects.filter(rule="stripe_match", cleared_at=None).exists()
    payments.check()


def test_the_sweep_finds_refunds_and_disputes_that_nobody_told(payments):
    topup = payments.topped_up(20)
    other = payments.topped_up(30)
    payments.bank.refunds_take("pending")
    refund = ask(payments, topup, 5)
    payments.bank.refund_end(refund.refund_id or "", "succeeded")
    payments.bank.dispute_move(payments.bank.dispute_open(other.payment_intent_id or ""))
    assert timezone.now() - refund.created_at < timedelta(minutes=1)
    with payments.later(hours=1):
        assert stripe_sweep() == 0
    refund.refresh_from_db()
    assert (refund.status, payments.dollars, payments.wallet().status) == ("succeeded", 15, "frozen")
    payments.check()
