"""Payments under test: an organisation, the simulator on a file of its own, and the door for Stripe's notices."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from random import Random
from uuid import UUID, uuid4

import time_machine
from django.test import Client
from django.utils import timezone

from billing.ledger import ledger_check
from billing.models import StripeEvent, Topup
from billing.selectors import WalletView, wallet_get
from billing.simulator.bank import Bank, How
from billing.simulator.notices import Sender
from billing.simulator.store import Store
from billing.simulator.transport import SimulatedHttp, simulated_http
from billing.stripe_events import events_process
from billing.stripe_mode import webhook_secret
from billing.topups import Buyer, topup_start
from tests.tokenoutput.pages import Visitor

USD = 1_000_000_000
WEBHOOK = "/webhooks/stripe"


@cache
def _door() -> Client:
    """Made once: a fresh client reads every static file's name first."""
    return Client()


class Died(BaseException):
    """The process ended here: nothing catches it."""


@dataclass
class Payments:
    """One customer and everything that can happen to their payments."""

    host: Visitor
    path: str

    @property
    def bank(self) -> Bank:
        return Bank(Store(self.path))

    @property
    def http(self) -> SimulatedHttp:
        return simulated_http(self.path)

    @property
    def sender(self) -> Sender:
        return Sender(Store(self.path), webhook_secret(), self.receive)

    @property
    def buyer(self) -> Buyer:
        organization = self.host.organization
        return Buyer(organization.id, organization.slug, organization.name, self.host.user.pk, self.host.user.email)

    def receive(self, body: bytes, signature: str) -> int:
        """What our door says to a notice."""
        answer = _door().post(WEBHOOK, body, content_type="application/json", headers={"Stripe-Signature": signature})
        return answer.status_code

    def start(self, dollars: int = 20, *, save_card: bool = False, topup_id: UUID | None = None) -> Topup:
        """A top-up as far as the payment page."""
        topup_id = topup_id or uuid4()
        topup_start(buyer=self.buyer, topup_id=topup_id, amount_cents=dollars * 100, save_card=save_card)
        return Topup.objects.get(id=topup_id)

    def pay(self, dollars: int = 20, *, how: How = "pay", save_card: bool = False) -> Topup:
        """A top-up that the customer has paid; nobody has told us."""
        topup = self.start(dollars, save_card=save_card)
        self.bank.session_pay(topup.session_id or "", how)
        return topup

    def topped_up(self, dollars: int = 20, *, save_card: bool = False) -> Topup:
        """A top-up that is on the wallet."""
        topup = self.pay(dollars, save_card=save_card)
        self.told()
        topup.refresh_from_db()
        assert topup.status == "paid", topup.failure
        return topup

    def told(self) -> None:
        """Stripe's notices arrive and are worked off."""
        self.sender.send()
        self.work()

    def told_badly(self, random: Random, *, loss: float = 0.3) -> list[int]:
        statuses = self.sender.misbehave(random, loss=loss)
        self.work()
        return statuses

    def work(self) -> None:
        """The worker has its turn until nothing waits."""
        while events_process():
            pass
        assert not StripeEvent.objects.exclude(status="done").exists()

    def wallet(self) -> WalletView:
        return wallet_get(organization_id=self.host.organization.id)

    @contextmanager
    def later(self, **time: float) -> Iterator[None]:
        """So much later by our clock."""
        with time_machine.travel(timezone.now() + timedelta(**time)):
            yield

    @property
    def dollars(self) -> float:
        return self.wallet().balance_nanos / USD

    def check(self) -> None:
        """The books hold."""
        assert ledger_check() == []
