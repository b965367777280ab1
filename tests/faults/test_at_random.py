"""Kills and stops at any time, by a seed that is printed: no told answer without its charge, none charged twice."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from catalog.pricing import Usage
from tests.faults.machine import Talk
from tests.gateway.platform import price_of
from tests.upstreams import scripts, wire
from tests.upstreams.server import Gate

WHOLE = price_of(Usage(input_tokens=1000, output_tokens=200))
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "1"))
STREAMS = 10


@pytest.mark.parametrize("number", range(ROUNDS))
def test_any_order_of_ends_a_kill_and_a_crash(machine, web, request, number):
    seed = os.environ.get("FAULT_SEED") or f"{request.config.getoption('randomly_seed', 0)}:{number}"
    random = Random(seed)
    victim = machine.web().ready()
    pieces = wire.openai_stream()
    gates = [Gate() for _ in range(STREAMS)]
    model = machine.model(*(scripts.stream(*pieces[:2], gate, *pieces[2:]) for gate in gates), sold_by=(web, victim))
    customers = [machine.customer() for _ in gates]
    talks = []
    for customer, gate in zip(customers, gates, strict=True):
        talks.append(Talk(victim, customer, model))
        gate.wait_reached()
    order = random.sample(range(STREAMS), STREAMS)
    kill_before, stop_before = random.randrange(STREAMS + 1), random.randrange(STREAMS + 1)
    sys.stdout.write(f"faults: seed {seed}, kill before end {kill_before}, crash before end {stop_before}")
    for turn in range(STREAMS + 1):
        if turn == stop_before:
            machine.database_stop(at_once=True)
        if turn == kill_before:
            victim.kill()
        if turn < STREAMS:
            gates[order[turn]].open()
            if random.random() < 0.5:
                talks[order[turn]].end()
    for talk in talks:
        talk.end()
    machine.database_start()
    machine.quiet()
    machine.settled()
    for talk, customer in zip(talks, customers, strict=True):
        charge = sum(row.charge_nanos for row in customer.usage())
        assert charge == WHOLE if talk.proper else 0 <= charge <= WHOLE
    machine.check()
    sys.stdout.write(f": {sum(talk.proper for talk in talks)} of {STREAMS} told whole, all charged once\n")


def test_two_hundred_racers_in_two_processes_for_the_last_cents(machine, web):
    other = machine.web().ready()
    customer = machine.customer(credit="0.03")
    usage = {"prompt_tokens": 5, "completion_tokens": 200, "total_tokens": 205}
    model = machine.model(*[scripts.whole(wire.openai_answer(usage=usage))] * 200, sold_by=(web, other))

    def race(number):
        asked = (web, other)[number % 2]
        return Talk(asked, customer, model, stream=False, max_tokens=200).end().status

    with ThreadPoolExecutor(64) as pool:
        statuses = list(pool.map(race, range(200)))
    # A charge is 3,015,000 of 30,000,000 nano-dollars, and what is held is little more.
    assert (statuses.count(200), statuses.count(402)) == (9, 191)
    machine.quiet()
    charge = price_of(Usage(input_tokens=5, output_tokens=200))
    assert customer.wallet().balance_nanos == 30_000_000 - 9 * charge
    other.kill()
    machine.check()
