"""How each route answers, from real traffic: what it was asked, whether content came, how soon and how fast."""

from dataclasses import dataclass
from datetime import UTC, timedelta

from django.db import connection

from billing.attempts import NOBODYS_FAULT
from billing.traffic import Window

# A request counts for the route that gave content, and against each that was tried before it and failed: as on the
# status page not where that was nobody's fault. A correction is no request.
_COUNTS = """
    WITH tried AS (
        SELECT route_id, created_at, outcome IN ('completed', 'client_gone') AS answered
          FROM usage_record
         WHERE day >= %(day)s AND created_at > %(h24)s AND corrects_id IS NULL
           AND route_id IS NOT NULL AND outcome <> 'void'
        UNION ALL
        SELECT (attempt ->> 'route_id')::bigint, created_at, false
          FROM usage_record CROSS JOIN jsonb_array_elements(attempts) AS attempt
         WHERE day >= %(day)s AND created_at > %(h24)s AND corrects_id IS NULL AND attempts IS NOT NULL
           AND attempt ->> 'reason' <> ALL (%(nobodys_fault)s))
    SELECT route_id,
           count(*) FILTER (WHERE created_at > %(m5)s), count(*) FILTER (WHERE created_at > %(m5)s AND answered),
           count(*) FILTER (WHERE created_at > %(m30)s), count(*) FILTER (WHERE created_at > %(m30)s AND answered),
           count(*), count(*) FILTER (WHERE answered)
      FROM tried GROUP BY route_id"""
_PERCENTILES = """
    SELECT route_id,
           percentile_disc(ARRAY[0.5, 0.75, 0.9, 0.99]) WITHIN GROUP (ORDER BY first_content_ms),
           percentile_disc(ARRAY[0.5, 0.25, 0.1, 0.01]) WITHIN GROUP (ORDER BY
               CASE WHEN output_tokens > 0 AND duration_ms > first_content_ms
                    THEN round(output_tokens * 1000.0 / (duration_ms - first_content_ms), 1) END)
      FROM usage_record
     WHERE day >= %(day)s AND created_at > %(m30)s AND corrects_id IS NULL
       AND route_id IS NOT NULL AND first_content_ms IS NOT NULL
     GROUP BY route_id"""


@dataclass(frozen=True, slots=True)
class Percentiles:
    """What half, three quarters, nine in ten and 99 in 100 of the requests had, or better."""

    p50: float
    p75: float
    p90: float
    p99: float


@dataclass(frozen=True, slots=True)
class EndpointTraffic:
    """One route: milliseconds to the first content, and tokens a second after it; None without traffic."""

    last_5m: Window
    last_30m: Window
    last_24h: Window
    latency_ms: Percentiles | None
    tokens_per_second: Percentiles | None


UNUSED = EndpointTraffic(Window(0, 0), Window(0, 0), Window(0, 0), None, None)


def traffic_by_route() -> dict[int, EndpointTraffic]:
    """By the route's row id; routes without a request in 24 hours are not in it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ledger_now()")
        now = cursor.fetchone()[0].astimezone(UTC)
        starts = {name: now - timedelta(minutes=span) for name, span in {"m5": 5, "m30": 30, "h24": 24 * 60}.items()}
        cursor.execute(_COUNTS, starts | {"day": starts["h24"].date(), "nobodys_fault": list(NOBODYS_FAULT)})
        counts = cursor.fetchall()
        cursor.execute(_PERCENTILES, starts | {"day": starts["h24"].date()})
        speeds = {route_id: (_percentiles(first), _percentiles(pace)) for route_id, first, pace in cursor.fetchall()}
    return {
        route_id: EndpointTraffic(
            Window(*sums[0:2]), Window(*sums[2:4]), Window(*sums[4:6]), *speeds.get(route_id, (None, None))
        )
        for route_id, *sums in counts
    }


def _percentiles(found: list[float | None] | None) -> Percentiles | None:
    known = [float(value) for value in found or () if value is not None]
    return Percentiles(*known) if known else None
