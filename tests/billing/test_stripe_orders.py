"""Payments in any order: whatever is duplicated, delayed, lost or killed, the books end as Stripe's own do."""

import contextlib
import os
from random import Random

from django.db import connection
from hypothesis import HealthCheck, given, settings, strategies as st

from billing.auto_topups import auto_topups_resume, auto_topups_run
from billing.models import Topup, Transfer
from billing.refunds import RefundRefused
from billing.simulator.transport import Accident
from billing.stripe_client import StripeUnavailable
from billing.stripe_events import events_process
from billing.stripe_sweep import refunds_resume, stripe_sweep
from billing.topups import topup_returned
from tests.billing.payments import USD, Died, Payments
from tests.billing.test_stripe_automatic import switch_on
from tests.billing.test_stripe_faults import Bomb, later_all_is_well, undone
from tests.billing.test_stripe_money_out import ask, spend

CENT = USD // 100
# Few in `make test`; `STRIPE_ORDERS=2000` for a long look.
EXAMPLES = int(os.environ.get("STRIPE_ORDERS", "25"))


class Story:
    """One customer's payments, as far as they have come; each step is what somebody does next."""

    def __init__(self, payments: Payments) -> None:
        self.payments = payments
        self.topups = [payments.topped_up(20, save_card=True)]
        self.disputes: list[str] = []
        self.spent = 0
        switch_on(payments)

    def step(self, name: str, number: int) -> None:
        getattr(self, name)(number)

    def pay(self, number: int) -> None:
        if len(self.topups) < 5:
            self.topups.append(self.payments.pay(10 + number, how="delayed" if number % 3 == 0 else "pay"))

    def settle(self, number: int) -> None:
        payment_id = self._payment(number)
        self.payments.bank.session_settle(payment_id, succeeds=number % 4 > 0)

    def returns(self, number: int) -> None:
        session_id = self.topups[number % len(self.topups)].session_id or ""
        topup_returned(organization_id=self.payments.host.organization.id, session_id=session_id)

    def refund(self, number: int) -> None:
        topup = self.topups[number % len(self.topups)]
        with contextlib.suppress(RefundRefused):
            ask(self.payments, topup, 1 + number)

    def refund_takes_time(self, number: int) -> None:
        self.payments.bank.refunds_take("pending" if number % 2 else "succeeded")

    def refund_ends(self, number: int) -> None:
        for refund in self.payments.bank.newest("refund")[number % 3 :][:1]:
            self.payments.bank.refund_end(refund["id"], "failed" if number % 2 else "succeeded")

    def dispute(self, number: int) -> None:
        payment_id = self._payment(number)
        intent = self.payments.bank.find("payment_intent", payment_id)
        if intent and intent["status"] == "succeeded" and len(self.disputes) < 3:
            self.disputes.append(self.payments.bank.dispute_open(payment_id))

    def withdraw(self, number: int) -> None:
        for dispute_id in self._dispute(number):
            self.payments.bank.dispute_move(dispute_id)

    def win(self, number: int) -> None:
        for dispute_id in self._dispute(number):
            self.payments.bank.dispute_win(dispute_id)

    def lose(self, number: int) -> None:
        for dispute_id in self._dispute(number):
            self.payments.bank.dispute_close(dispute_id, won=False)

    def spend(self, number: int) -> None:
        wallet = self.payments.wallet()
        dollars = min(number, wallet.available_nanos // USD)
        if wallet.status == "active" and not wallet.debt_nanos and dollars:
            spend(self.payments, dollars)
            self.spent += dollars * USD

    def automatic(self, _number: int) -> None:
        auto_topups_run()
        auto_topups_resume()

    def hear_badly(self, number: int) -> None:
        self.payments.sender.misbehave(Random(number), loss=0.3)
        self.work(number)

    def hear(self, number: int) -> None:
        self.payments.sender.send()
        self.work(number)

    def work(self, _number: int) -> None:
        while events_process():
            pass

    def sweep(self, number: int) -> None:
        with self.payments.later(hours=1 + number):
            refunds_resume()
            stripe_sweep()

    def trouble(self, number: int) -> None:
        """The next answers of Stripe's do not come, or are errors."""
        kinds: tuple[Accident, ...] = ("lost", "unheard", "error_after", "in_use")
        kind = kinds[number % 4]
        self.payments.http.accidents.extend([kind] * (1 + number % 4))

    def ends_as_stripe_says(self) -> None:
        """What is on the wallet is what Stripe took, less what it gave back and what was spent; nothing else."""
        bank, wallet = self.payments.bank, self.payments.wallet()
        paid = [one for one in bank.newest("payment_intent") if one["status"] == "succeeded"]
        refunded = [one for one in bank.newest("refund") if one["status"] != "failed"]
        moved = [line["amount"] for one in bank.newest("dispute") for line in one["balance_transactions"]]
        cents = sum(one["amount"] for one in paid) - sum(one["amount"] for one in refunded) + sum(moved)
        assert wallet.balance_nanos - wallet.debt_nanos == cents * CENT - self.spent
        assert Transfer.objects.filter(kind="topup").count() == len(paid)
        assert {one.payment_intent_id for one in Topup.objects.filter(status="paid")} == {one["id"] for one in paid}
        taken = any(sum(line["amount"] for line in one["balance_transactions"]) < 0 for one in bank.newest("dispute"))
        assert wallet.status == ("frozen" if taken else "active")

    def _payment(self, number: int) -> str:
        session = self.payments.bank.session(self.topups[number % len(self.topups)].session_id or "")
        assert session is not None
        return str(session["payment_intent"])

    def _dispute(self, number: int) -> list[str]:
        return self.disputes[number % len(self.disputes) :][:1] if self.disputes else []


STEPS = (
    *("pay", "settle", "returns", "refund", "refund_takes_time", "refund_ends", "dispute", "withdraw", "win", "lose"),
    *("spend", "automatic", "hear", "hear_badly", "work", "sweep", "trouble"),
)
# What is done, to which of them, and after how many questions or writes the process dies, if it does.
step_taken = st.tuples(st.sampled_from(STEPS), st.integers(0, 11), st.sampled_from([0, 0, 0, 1, 2, 3, 5, 8]))


def take(story: Story, name: str, number: int, dies_at: int) -> None:
    bomb = Bomb(dies_at)
    story.payments.http.watch = bomb.step
    try:
        # What Stripe or the customer does is not our process: it does not die of it.
        with connection.execute_wrapper(bomb.write):
            story.step(name, number)
    except (Died, StripeUnavailable):
        pass
    finally:
        story.payments.http.watch = lambda _: None
        if name != "trouble":
            story.payments.http.accidents.clear()


def test_any_story_ends_as_stripe_says(payments):
    payments.topped_up(5)

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), deadline=None)
    @given(steps=st.lists(step_taken, min_size=3, max_size=25))
    def holds(steps):
        undone(payments, lambda: told(steps))

    def told(steps):
        payments.http.accidents.clear()
        story = Story(payments)
        for name, number, dies_at in steps:
            take(story, name, number, 0 if name in {"pay", "spend", "trouble"} else dies_at)
        payments.http.accidents.clear()
        later_all_is_well(payments)
        payments.told()
        later_all_is_well(payments)
        story.ends_as_stripe_says()

    holds()
