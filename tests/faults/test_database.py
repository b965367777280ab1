"""PostgreSQL restarts, stops dead, stands still or waits for a lock: what was told is charged, and charged once."""

import pytest
from django.db import transaction

from billing.models import Wallet
from catalog.pricing import Usage
from tests.faults.machine import Talk, wait_until
from tests.gateway.platform import price_of
from tests.upstreams import scripts, wire
from tests.upstreams.server import Gate

WHOLE = price_of(Usage(input_tokens=1000, output_tokens=200))
CREDIT = 10_000_000_000


class Stream:
    """A stream of a customer of its own, held open in the middle."""

    def __init__(self, machine, web, *others):
        self.customer, self.gate = machine.customer(), Gate()
        pieces = wire.openai_stream()
        model = machine.model(scripts.stream(*pieces[:2], self.gate, *pieces[2:]), sold_by=(web, *others))
        self.talk = Talk(web, self.customer, model)
        self.gate.wait_reached()
        self.talk.saw(b"Two ")

    def end(self):
        self.gate.open()
        return self.talk.end()

    def charged_once(self):
        wait_until(lambda: sum(row.charge_nanos for row in self.customer.usage()) == WHOLE, "charged")
        assert self.customer.wallet().balance_nanos == CREDIT - WHOLE


@pytest.mark.parametrize("at_once", [False, True], ids=["restart", "immediate stop"])
def test_away_while_a_stream_runs(machine, web, at_once):
    stream, customer = Stream(machine, web), machine.customer()
    model = machine.model(scripts.stream(*wire.openai_stream()), sold_by=(web,))
    machine.database_stop(at_once=at_once)
    try:
        assert stream.end().proper
        refused = Talk(web, customer, model).end()
        assert refused.status == 503
    finally:
        machine.database_start()
    machine.quiet()
    stream.charged_once()
    machine.settled()
    assert customer.usage() == []
    machine.check()


def test_standing_still_while_a_stream_ends(machine, web):
    stream = Stream(machine, web)
    machine.database_pause()
    try:
        assert stream.end().proper
    finally:
        machine.database_go_on()
    machine.quiet()
    stream.charged_once()
    machine.check(b"canceling statement")


def test_a_wallet_that_another_transaction_keeps_locked(machine, web):
    customer = machine.customer()
    model = machine.model(scripts.stream(*wire.openai_stream()), sold_by=(web,))
    with transaction.atomic():
        Wallet.objects.select_for_update().get(organization_id=customer.organization_id)
        assert Talk(web, customer, model).end().status == 503
    machine.quiet()
    assert sum(row.charge_nanos for row in customer.usage()) == 0
    machine.check(b"canceling statement")


def test_dying_around_the_spool(machine, web):
    points = {"spool.before_write": 0, "spool.after_write": WHOLE, "spool.after_send": WHOLE}
    victims = {point: machine.web(point) for point in points}
    streams = {point: Stream(machine, victim.ready(), web) for point, victim in victims.items()}
    web.pause()  # Whoever lives sends what is on the disk: here only the one that dies of it.
    machine.database_stop(at_once=True)
    try:
        for point, stream in streams.items():
            told = stream.end().proper
            assert told == (point == "spool.after_send"), point
    finally:
        machine.database_start()
    for victim in victims.values():
        victim.died()
    web.go_on()
    machine.quiet()
    machine.settled()
    for point, least in points.items():
        charge = sum(row.charge_nanos for row in streams[point].customer.usage())
        assert least <= charge <= WHOLE, point
    machine.check()
