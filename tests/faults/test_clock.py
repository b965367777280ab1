"""A web process whose clock is an hour ahead or behind: the ledger's only clock is the database's."""

from datetime import UTC, timedelta

from django.db import connection

from billing.limits import limit_set, limits_list
from catalog.pricing import Usage
from tests.faults.machine import Talk, wait_until
from tests.gateway.platform import price_of
from tests.upstreams import scripts, wire
from tests.upstreams.server import Gate

WHOLE = price_of(Usage(input_tokens=1000, output_tokens=200))
HOUR = 3600
# As long as a hold and a lease live here, with the grace: whoever did not renew would be reaped by then.
RENEWED_SECONDS = 8
FREE_SECONDS = 20


class Visit:
    """A customer of a web process with another clock, in the middle of a stream."""

    def __init__(self, machine, web, other):
        self.web, self.customer, self.gate = web, machine.customer(), Gate()
        limit_set(
            organization_id=self.customer.organization_id,
            api_key_id=self.customer.api_key_id,
            period="daily",
            amount_nanos=100_000_000,
        )
        pieces = wire.openai_stream()
        self.model = machine.model(scripts.stream(*pieces[:2], self.gate, *pieces[2:]), sold_by=(web, other))
        self.talk = Talk(web, self.customer, self.model)
        self.gate.wait_reached()
        self.talk.saw(b"Two ")

    def limit(self):
        (limit,) = limits_list(organization_id=self.customer.organization_id)
        return limit


def test_a_web_process_an_hour_ahead_or_behind(machine, web):
    others = [machine.web(clock_seconds=seconds) for seconds in (HOUR, -HOUR)]
    visits = [Visit(machine, other.ready(), web) for other in others]
    begun = _now()
    wait_until(lambda: _now() > begun + timedelta(seconds=RENEWED_SECONDS), "every lease and hold is renewed")
    for visit in visits:
        assert visit.customer.wallet().held_nanos > 0
        visit.gate.open()
        assert visit.talk.end().proper
        (row,) = visit.customer.usage()
        assert (row.outcome, row.charge_nanos) == ("completed", WHOLE)
        assert visit.limit().spent_nanos == WHOLE
        assert Talk(visit.web, visit.customer, visit.model, stream=False, max_tokens=8000).end().status == 402
    last = [Visit(machine, other, web) for other in others]
    for other in others:
        other.kill()
    assert machine.quiet() < FREE_SECONDS
    for visit in last:
        visit.gate.open()
        assert not visit.talk.end().proper
        (row,) = visit.customer.usage()
        assert row.outcome == "reaped"
        assert visit.limit().spent_nanos == row.charge_nanos
    machine.settled()
    machine.check()


def _now():
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0].astimezone(UTC)
