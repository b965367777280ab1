"""Payments under fire: notices in any order and number, processes that die between any two steps, everyone at once."""

import threading
from pathlib import Path
from random import Random, getrandbits
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction

from billing.auto_topups import auto_topups_resume, auto_topups_run
from billing.models import StripeEvent, Topup, Transfer
from billing.refunds import refund_ask
from billing.stripe_events import events_process
from billing.stripe_sweep import refunds_resume, stripe_sweep
from billing.topups import topup_returned
from tests.billing.payments import Died, Payments
from tests.billing.test_stripe_automatic import switch_on
from tests.billing.test_stripe_money_out import ask, spend
from tests.tokenoutput.pages import visitor


def undone(payments: Payments, example):
    """Run an example and take back what it wrote, here and at Stripe, so that the next one begins as this one did."""
    file = Path(payments.path)
    before = file.read_bytes()
    with transaction.atomic():
        example()
        transaction.set_rollback(True)
    file.write_bytes(before)


def later_all_is_well(payments: Payments):
    """The worker comes back, and an hour later the sweep."""
    while events_process():
        pass
    for hours in (0.1, 2):
        with payments.later(hours=hours):
            while events_process():
                pass
            auto_topups_resume()
            refunds_resume()
    with payments.later(hours=3):
        assert stripe_sweep() == 0
    payments.check()


@pytest.mark.parametrize("seed", range(10))
def test_any_order_any_number_and_a_third_lost_end_in_the_same_books(payments, seed):
    random = Random(f"{getrandbits(64)} {seed}")  # Of the run's own seed, which pytest prints.
    first, second, third = payments.pay(20, save_card=True), payments.pay(30), payments.pay(40, how="delayed")
    hear = [lambda: None, lambda: payments.told_badly(random)]
    random.choice(hear)()
    organization_id = payments.host.organization.id
    for topup in (first, second):
        if random.random() < 0.5:
            topup_returned(organization_id=organization_id, session_id=topup.session_id or "")
    payment_ids = {one: payments.bank.session(one.session_id or "")["payment_intent"] for one in (first, second, third)}
    dispute_id = payments.bank.dispute_open(payment_ids[second])
    random.choice(hear)()
    payments.bank.dispute_move(dispute_id)
    random.choice(hear)()
    payments.bank.session_settle(payment_ids[third])
    payments.bank.dispute_win(dispute_id)
    payments.told_badly(random)
    later_all_is_well(payments)
    refund = ask(payments, first, 8)
    payments.bank.refund_end(refund.refund_id or "", "failed")
    payments.told_badly(random)
    later_all_is_well(payments)
    wallet = payments.wallet()
    assert (payments.dollars, wallet.debt_nanos, wallet.status) == (90, 0, "active")


class Bomb:
    """Kills the process at the n-th step: before or after a question to Stripe, or before a write to the database."""

    def __init__(self, at: int) -> None:
        self.left = at

    def step(self, _name: str) -> None:
        self.left -= 1
        if self.left == 0:
            raise Died

    def write(self, execute, sql, params, many, context):
        if sql.lstrip().startswith(("INSERT", "UPDATE", "SELECT topup_credit", "SELECT refund_", "SELECT clearing")):
            self.step(sql)
        return execute(sql, params, many, context)


def test_a_process_that_dies_anywhere_costs_nobody_anything(payments):
    payments.topped_up(20, save_card=True)
    spend(payments, 15)
    switch_on(payments)
    topup_id, refund_id = uuid4(), uuid4()

    def story():
        topup = payments.start(50, topup_id=topup_id)
        payments.bank.session_pay(topup.session_id or "")
        payments.told()
        refund_ask(
            organization_id=payments.host.organization.id,
            topup_id=topup_id,
            refund_id=refund_id,
            amount_cents=4500,
            by_user_id=payments.host.user.pk,
        )
        auto_topups_run()

    def dies_at(step: int) -> bool:
        nonlocal topup_id, refund_id
        topup_id, refund_id = uuid4(), uuid4()
        before = len(payments.bank.newest("charge")), len(payments.bank.newest("refund"))
        bomb = Bomb(step)
        payments.http.watch = bomb.step
        died = False
        with connection.execute_wrapper(bomb.write):
            try:
                story()
            except Died:
                died = True
        payments.http.watch = lambda _: None
        with payments.later(minutes=3):  # What the dead process had claimed is free again.
            story()
        later_all_is_well(payments)
        made = len(payments.bank.newest("charge")) - before[0], len(payments.bank.newest("refund")) - before[1]
        # 5 + 50 - 45 = 10: not below the threshold of 10, unless the page was left unpaid in between.
        assert (made[1], payments.dollars) in {(1, 10.0), (1, 30.0)}, step
        assert Topup.objects.filter(status="paid").count() == Transfer.objects.filter(kind="topup").count()
        return died

    steps = [1]
    while len(steps) < 200:
        outcome: list[bool] = []
        undone(payments, lambda: outcome.append(dies_at(steps[-1])))  # noqa: B023 -- run at once
        if not outcome[0]:
            break
        steps.append(steps[-1] + 3 if len(steps) > 3 else steps[-1] + 1)
    assert len(steps) > 10


def test_fifty_of_one_notice_at_once_credit_once(database, simulator_file, settings):
    settings.STARTER_CREDIT_USD = "0"
    payments = Payments(visitor(uuid4().hex[:12]), simulator_file)
    topup = payments.pay(20)
    bodies = payments.sender.bodies()
    barrier = threading.Barrier(10)
    failures: list[Exception] = []

    def race():
        try:
            barrier.wait(20)
            for _ in range(5):
                payments.sender.send()
                topup_returned(organization_id=payments.host.organization.id, session_id=topup.session_id or "")
                events_process()
        except Exception as error:  # noqa: BLE001 -- told below, in the test's own thread
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=race) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert len(bodies) >= 2
    payments.work()
    assert payments.dollars == 20
    assert StripeEvent.objects.filter(object_id=topup.session_id).count() == 1
    payments.check()
