"""A process killed between any two steps of a payment: credited once, refunded once, nothing left half way."""

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.conf import settings
from django.utils import timezone

from accounts.models import Membership
from billing.models import Topup
from billing.simulator.bank import Bank
from billing.simulator.store import Store
from billing.stripe_sweep import refunds_resume
from billing.topups import Buyer, topup_returned, topup_start

USD = 1_000_000_000


@pytest.fixture(autouse=True)
def _simulated(machine, settings):  # pytest's own: what is set here is taken back
    settings.DEBUG = True
    settings.STRIPE_SIMULATOR_FILE = str(machine.data_dir / "stripe-simulator.sqlite3")


class Payer:
    """A customer without credit, and a top-up that is paid at Stripe; nobody has told us."""

    def __init__(self, machine):
        self.customer, self.topup_id, self.refund_id = machine.customer(credit="0"), uuid4(), uuid4()
        member = Membership.objects.select_related("organization", "user").get(
            organization_id=self.customer.organization_id
        )
        organization, self.user = member.organization, member.user
        buyer = Buyer(organization.id, organization.slug, organization.name, self.user.pk, self.user.email)
        topup_start(buyer=buyer, topup_id=self.topup_id, amount_cents=2000, save_card=False)
        self.session_id = Topup.objects.get(id=self.topup_id).session_id or ""
        _bank().session_pay(self.session_id)

    def returned(self):
        topup_returned(organization_id=self.customer.organization_id, session_id=self.session_id)
        assert self.dollars == 20

    @property
    def dollars(self):
        return self.customer.wallet().balance_nanos / USD


def test_killed_around_the_credit_of_a_topup(machine):
    payers = {point: Payer(machine) for point in ("topup.after_stripe", "topup.after_transfer")}
    victims = [
        machine.program(
            "tests.faults.payment_step", "topup", payer.customer.organization_id, payer.session_id, point=point
        )
        for point, payer in payers.items()
    ]
    for victim in victims:
        victim.died()
    assert {point: payer.dollars for point, payer in payers.items()} == {
        "topup.after_stripe": 0,
        "topup.after_transfer": 20,
    }
    for payer in payers.values():
        payer.returned()  # as the webhook and the sweep do too
        payer.returned()
    machine.check()


def test_killed_around_a_refund(machine):
    payers = {point: Payer(machine) for point in ("refund.after_open", "refund.after_stripe", "refund.after_settle")}
    before = len(_bank().newest("refund"))
    for payer in payers.values():
        payer.returned()
    victims = [
        machine.program(
            "tests.faults.payment_step",
            *("refund", payer.customer.organization_id, payer.topup_id, payer.refund_id, 800, payer.user.pk),
            point=point,
        )
        for point, payer in payers.items()
    ]
    for victim in victims:
        victim.died()
    assert len(_bank().newest("refund")) == before + 2  # The first never reached Stripe.
    assert [payer.dollars for payer in payers.values()] == [12, 12, 12]
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        assert refunds_resume() == 0
        assert refunds_resume() == 0
    assert len(_bank().newest("refund")) == before + 3
    assert [payer.dollars for payer in payers.values()] == [12, 12, 12]
    machine.check()


def _bank():
    return Bank(Store(settings.STRIPE_SIMULATOR_FILE))
