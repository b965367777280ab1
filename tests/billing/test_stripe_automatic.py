"""Automatic top-ups: asked for, capped, one in flight, and off when the card keeps refusing."""

import threading
from uuid import uuid4

import pytest
from django.db import connections

from billing.alert_models import Alert
from billing.auto_topups import (
    AutoTopupRefused,
    auto_topup_off,
    auto_topup_set,
    auto_topup_try,
    auto_topups_resume,
    auto_topups_run,
)
from billing.cards import card_get
from billing.models import AutoTopup, StripeCustomer, Topup
from tests.billing.payments import Payments
from tests.billing.test_stripe_money_out import spend
from tests.tokenoutput.pages import visitor


def switch_on(payments: Payments, *, threshold=10, amount=20, cap=100):
    auto_topup_set(
        organization_id=payments.host.organization.id,
        threshold_cents=threshold * 100,
        amount_cents=amount * 100,
        monthly_cap_cents=cap * 100,
        by_user_id=payments.host.user.pk,
    )


def manner(payments: Payments, how):
    payments.bank.card_manner(StripeCustomer.objects.get(organization_id=payments.host.organization.id).card_id, how)


@pytest.fixture
def low(payments):
    """Nearly nothing left, and a card that may be charged."""
    payments.topped_up(20, save_card=True)
    switch_on(payments)
    spend(payments, 15)
    return payments


def test_nothing_is_saved_and_nothing_charged_unless_asked_for(payments):
    payments.topped_up(20)
    assert card_get(organization_id=payments.host.organization.id) is None
    with pytest.raises(AutoTopupRefused, match="Save a card first"):
        switch_on(payments)
    payments.topped_up(5, save_card=True)
    assert card_get(organization_id=payments.host.organization.id) is not None
    spend(payments, 24)
    assert auto_topups_run() == 0


def test_below_the_threshold_the_card_is_charged_once(low):
    assert auto_topups_run() == 1
    assert auto_topups_run() == 0
    assert low.dollars == 25
    low.told()
    assert low.dollars == 25
    low.check()


def test_the_monthly_cap_holds_to_the_cent(low):
    switch_on(low, cap=39)
    auto_topups_run()
    spend(low, 20)
    assert auto_topups_run() == 0
    assert low.dollars == 5
    assert AutoTopup.objects.get().next_try_at.day == 1


def test_a_card_that_refuses_is_asked_less_and_less_and_then_no_more(low):
    manner(low, "declined")
    for hours in (0, 1.1, 7.2, 31.3):
        with low.later(hours=hours):
            auto_topups_run()
            assert auto_topups_run() == 0
    row = AutoTopup.objects.get()
    assert (row.enabled, row.failures, row.off_reason) == (False, 4, "the card was declined")
    assert Topup.objects.filter(kind="auto", status="failed").count() == 4
    assert list(Alert.objects.filter(kind="topup_failed").values_list("level", flat=True)) == [1, 2]
    low.told()
    assert low.dollars == 5
    low.check()


def test_a_bank_that_wants_its_customer_ends_it_at_once(low):
    manner(low, "authentication")
    auto_topups_run()
    row = AutoTopup.objects.get()
    assert not row.enabled
    assert "top up once by hand" in row.off_reason
    assert list(Alert.objects.filter(kind="topup_failed").values_list("level", flat=True)) == [2]


def test_success_forgives_earlier_failures(low):
    manner(low, "declined")
    auto_topups_run()
    manner(low, "works")
    with low.later(hours=2):
        auto_topups_run()
    assert (AutoTopup.objects.get().failures, low.dollars) == (0, 25)


@pytest.mark.parametrize("accident", ["lost", "unheard", "error", "error_after", "in_use"])
def test_an_attempt_whose_answer_is_lost_charges_once(low, accident):
    low.http.accidents.extend([accident] * 3)
    auto_topups_run()
    low.http.accidents.clear()
    assert auto_topups_run() == 0
    for hours in (0.1, 2):
        with low.later(hours=hours):
            auto_topups_resume()
    charged = len([one for one in low.bank.newest("payment_intent") if one["status"] == "succeeded"]) - 1
    attempt = Topup.objects.get(kind="auto")
    expected = (0, "failed", 5) if accident == "error" else (1, "paid", 25)
    assert (charged, attempt.status, low.dollars) == expected
    low.told()
    assert low.dollars == expected[2]
    low.check()


@pytest.mark.parametrize("why", ["off", "removed", "frozen"])
def test_what_must_not_be_charged_is_not(low, why):
    if why == "off":
        auto_topup_off(organization_id=low.host.organization.id)
    elif why == "removed":
        card_id = StripeCustomer.objects.get().card_id
        low.bank.card_remove(card_id, customer_id=StripeCustomer.objects.get().customer_id)
        low.told()
    else:
        dispute_id = low.bank.dispute_open(Topup.objects.get().payment_intent_id)
        low.bank.dispute_move(dispute_id)
        low.told()
    assert auto_topups_run() == 0


def test_a_hundred_at_once_are_one_attempt(database, simulator_file, settings):
    settings.STARTER_CREDIT_USD = "0"
    payments = Payments(visitor(uuid4().hex[:12]), simulator_file)
    payments.topped_up(20, save_card=True)
    switch_on(payments, threshold=30)
    wallet_id = payments.wallet().wallet_id
    barrier = threading.Barrier(10)
    tried: list[bool] = []

    def race():
        try:
            barrier.wait(20)
            tried.extend(auto_topup_try(wallet_id=wallet_id) for _ in range(10))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=race) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(tried), sum(tried)) == (100, 1)
    assert payments.dollars == 40
    payments.check()
