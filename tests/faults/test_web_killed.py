"""A web process that dies at any point: nothing is charged twice or without a hold, and the money is soon free."""

from catalog.pricing import Usage
from tests.faults.machine import Talk
from tests.gateway.platform import price_of
from tests.upstreams import scripts, wire
from tests.upstreams.server import Gate

WHOLE = price_of(Usage(input_tokens=1000, output_tokens=200))
# By point: the outcome that is recorded, None where there is no hold; and the least and the most that is charged.
POINTS = {
    "hold.before_commit": (None, 0, 0),
    "hold.after_commit": ("reaped", 0, 0),
    "pump.before_upstream": ("reaped", 0, 0),
    "pump.mid:2": ("reaped", 0, WHOLE),
    # The first may come before there is any content to charge.
    "checkpoint.after_commit:2": ("reaped", 1, WHOLE),
    "finish.before_commit": ("reaped", 0, WHOLE),
    "finish.after_commit": ("completed", WHOLE, WHOLE),
    "finish.after_commit_before_done": ("completed", WHOLE, WHOLE),
}
# Lease 3 s, grace 1.5 s, a sweep each second, and what a loaded machine takes: 75 s with the settings as they are.
FREE_SECONDS = 20


def killed_at(machine, web, victim, point):
    """Ask a process that dies there; the customer who asked."""
    customer, gate = machine.customer(), Gate()
    pieces = wire.openai_stream()
    model = machine.model(scripts.stream(*pieces[:2], gate, *pieces[2:]), sold_by=(web, victim))
    talk = Talk(victim, customer, model)
    if point.startswith(("pump.mid", "finish")):
        gate.wait_reached()
        talk.saw(b"Two ")
        gate.open()
    victim.died()
    gate.open()
    assert not talk.end().proper, f"{point}: told that the answer is whole"
    return customer


def test_at_every_point(machine, web):
    victims = {point: machine.web(point) for point in POINTS}
    customers = {point: killed_at(machine, web, victim.ready(), point) for point, victim in victims.items()}
    bystander = machine.customer()
    model = machine.model(scripts.stream(*wire.openai_stream()), sold_by=(web,))
    assert Talk(web, bystander, model).end().proper
    assert machine.quiet() < FREE_SECONDS
    for point, (outcome, least, most) in POINTS.items():
        rows = customers[point].usage()
        assert [row.outcome for row in rows] == ([outcome] if outcome else []), point
        assert least <= sum(row.charge_nanos for row in rows) <= most, point
    assert [row.charge_nanos for row in bystander.usage()] == [WHOLE]
    machine.check()
