"""Random stories against a model of a few lines: after each step the books hold and nobody is overspent."""

from contextlib import ExitStack
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from gateway.request_id import request_id_make
from tests.billing.books import USD, Books, Place

CENTS = st.integers(0, 300)
WALLETS = st.integers(0, 1)


@pytest.fixture
def place(place18):
    return place18


class Ledger(RuleBasedStateMachine):
    """What should be true, in cents: posted and held of two wallets, and what became of each request."""

    place: Place

    @initialize()
    def open(self):
        self.stack = ExitStack()
        self.books = Books(self.stack.enter_context(self.place.connect()))
        self.wallets = [self.books.wallet(), self.books.wallet()]
        self.posted, self.held, self.credits = [0, 0], [0, 0], []
        self.live: dict[UUID, tuple[int, int]] = {}  # request: wallet, held
        self.done: dict[UUID, tuple[int, int, str]] = {}  # request: wallet, charge asked, outcome
        self.key = self.books.new_id()
        self.limit = [200, 0, 0]  # of the key: amount, spent, held
        self.books.limit(self.wallets[0], 2.00, key=self.key)
        self.budget = [400, 0, 0]  # of the second wallet, whatever the key
        self.books.limit(self.wallets[1], 4.00)

    def teardown(self):
        if hasattr(self, "stack"):
            self.stack.close()

    @rule(which=WALLETS, cents=st.integers(1, 500), kind=st.sampled_from(["correction", "promo", "goodwill"]))
    def credit(self, which, cents, kind):
        self.credits.append((which, cents, f"machine:{self.wallets[which]}:{len(self.credits)}", kind))
        assert self._credit(*self.credits[-1]) == "credited"
        self.posted[which] += cents

    @rule(data=st.data())
    def credit_again(self, data):
        if self.credits:
            assert self._credit(*data.draw(st.sampled_from(self.credits))) == "duplicate"

    def _credit(self, which, cents, key, kind):
        return self.books.credit(self.wallets[which], cents / 100, key, kind=kind)

    @rule(which=WALLETS, cents=CENTS)
    def hold(self, which, cents):
        request = request_id_make()
        answer = self.books.hold(self.wallets[which], cents / 100, request=request, key=self._key(which))
        free = self.posted[which] - self.held[which]
        amount, spent, held = self._limit(which)
        room = amount - spent - held
        if cents > min(free, max(room, 0)):
            limited = "organization_budget" if which else "key_limit"
            assert answer == (limited if room < free else "insufficient")
            return
        assert answer == request
        self.live[request] = (which, cents)
        self._hold(which, cents)

    def _limit(self, which):
        return self.budget if which else self.limit

    def _key(self, which):
        return self.key if which == 0 else 1

    def _hold(self, which, cents):
        self.held[which] += cents
        self._limit(which)[2] += cents

    @rule(data=st.data(), cents=CENTS, outcome=st.sampled_from(["completed", "client_gone", "void"]))
    def finish(self, data, cents, outcome):
        if self.live:
            request = data.draw(st.sampled_from(sorted(self.live)))
            self._resolve(request, 0 if outcome == "void" else cents, outcome)

    @rule(data=st.data(), share=st.floats(0, 1))
    def reap(self, data, share):
        if self.live:
            request = data.draw(st.sampled_from(sorted(self.live)))
            self._resolve(request, int(self.live[request][1] * share), "reaped")

    def _resolve(self, request, cents, outcome):
        which, held = self.live.pop(request)
        free = self.posted[which] - self.held[which]
        paid = min(cents, held + free)
        details = {"outcome": outcome, "source": "checkpoint" if outcome == "reaped" else "upstream"}
        result, got, off = self.books.finish(request, self.wallets[which], cents / 100, **details)
        assert (result, round(got * 100), round(off * 100)) == ("charged", paid, cents - paid)
        self._hold(which, -held)
        self._pay(which, paid)
        self.done[request] = (which, cents, outcome)

    def _pay(self, which, cents):
        self.posted[which] -= cents
        self._limit(which)[1] += cents

    @rule(data=st.data(), cents=CENTS)
    def finish_again_or_late(self, data, cents):
        """A second finish: a duplicate if it says the same, late once if the reaper was first, else a conflict."""
        if not self.done:
            return
        request = data.draw(st.sampled_from(sorted(self.done)))
        which, charged, outcome = self.done[request]
        result, _, _ = self.books.finish(request, self.wallets[which], cents / 100)
        if outcome == "reaped":
            assert result == "late"
            free = self.posted[which] - self.held[which]
            self._pay(which, min(cents - charged, free))
            self.done[request] = (which, cents, "late")
        else:
            assert result == ("duplicate" if cents == charged else "conflict")

    @rule(data=st.data())
    def hold_again(self, data):
        requests = sorted(self.live) + sorted(self.done)
        if requests:
            request = data.draw(st.sampled_from(requests))
            which, cents, *_ = self.live.get(request) or self.done[request]
            answer = self.books.hold(self.wallets[which], cents / 100, request=request, key=self._key(which))
            assert answer == ("exists" if request in self.live else "resolved")

    @rule(limit=st.integers(1, 5))
    def settle(self, limit):
        self.books.settle(limit)

    @invariant()
    def numbers_agree(self):
        if not hasattr(self, "wallets"):
            return
        for which, wallet in enumerate(self.wallets):
            query = "SELECT posted_nanos, held_nanos FROM wallet WHERE id = %s"
            cents = tuple(nanos * 100 // USD for nanos in self.books.one(query, wallet))
            assert cents == (self.posted[which], self.held[which])
            assert 0 <= self.held[which] <= self.posted[which]
        self.books.check()


def test_any_story(place):
    machine = type("LedgerHere", (Ledger,), {"place": place})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
