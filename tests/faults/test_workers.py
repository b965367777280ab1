"""Workers that die between any two steps, and more of them than needed: each charge is settled once."""

from catalog.pricing import Usage
from tests.faults.machine import Talk, wait_until
from tests.gateway.platform import price_of
from tests.upstreams import scripts, wire
from tests.upstreams.server import Gate

WHOLE = price_of(Usage(input_tokens=1000, output_tokens=200))
CREDIT = 10_000_000_000


def charged(machine, web, *, requests=1):
    customer = machine.customer()
    model = machine.model(*[scripts.stream(*wire.openai_stream())] * requests, sold_by=(web,))
    for _ in range(requests):
        assert Talk(web, customer, model).end().proper
    return customer


def orphaned(machine, web):
    """A request whose web process died in the middle of its stream; its customer."""
    victim = machine.web().ready()
    customer, gate = machine.customer(), Gate()
    pieces = wire.openai_stream()
    model = machine.model(scripts.stream(*pieces[:2], gate, *pieces[2:]), sold_by=(web, victim))
    talk = Talk(victim, customer, model)
    gate.wait_reached()
    talk.saw(b"Two ")
    victim.kill()
    gate.open()
    assert not talk.end().proper
    return customer


def test_killed_while_settling_and_while_reaping(machine, web):
    assert machine.steady.stop() == 0
    settled = []
    for point in ("settle.after_transfers", "settle.after_commit"):
        settled.append(charged(machine, web))
        machine.worker(point).died()
    reaped = []
    for point in ("reap.after_finish", "reap.after_commit"):
        reaped.append(orphaned(machine, web))
        machine.worker(point).died()
    machine.messages_flush()
    machine.steady = machine.worker()
    machine.quiet()
    machine.settled()
    for customer in settled:
        assert [row.charge_nanos for row in customer.usage()] == [WHOLE]
        assert customer.wallet().balance_nanos == CREDIT - WHOLE
    for customer in reaped:
        (row,) = customer.usage()
        assert row.outcome == "reaped"
        assert customer.wallet().balance_nanos == CREDIT - row.charge_nanos
    machine.check()


def test_two_workers_and_two_schedules(machine, web):
    more = machine.worker(), machine.beat()
    customer = charged(machine, web, requests=20)
    machine.settled()
    assert customer.wallet().balance_nanos == CREDIT - 20 * WHOLE
    assert [part.runs for part in more] == [True, True]
    for part in more:
        part.kill()
    machine.check()


def test_a_web_process_that_stood_still_past_its_lease(machine, web):
    sleeper = machine.web().ready()
    customer, gate = machine.customer(), Gate()
    pieces = wire.openai_stream()
    model = machine.model(scripts.stream(*pieces[:2], gate, *pieces[2:]), sold_by=(web, sleeper))
    talk = Talk(sleeper, customer, model)
    gate.wait_reached()
    talk.saw(b"Two ")
    sleeper.pause()
    machine.quiet()
    gate.open()
    sleeper.go_on()
    # Its renewal may come first, and learns that the hold is gone: an error then ends the stream.
    told = talk.end().proper
    wait_until(lambda: not told or _charge(customer) == WHOLE, "charged the difference")
    assert sleeper.stop() == 0  # It sends what it still owes.
    machine.settled()
    assert _charge(customer) == WHOLE if told else _charge(customer) <= WHOLE
    assert customer.wallet().balance_nanos == CREDIT - _charge(customer)
    machine.check()


def _charge(customer):
    return sum(row.charge_nanos for row in customer.usage())
