"""How models answer and whether the platform works, from real traffic: every request that was let in counts."""

from dataclasses import dataclass

from django.db import connection

# A gateway that settles within seconds leaves nothing older than this.
UNSETTLED_SECONDS_MAX = 60.0

# Ids begin with their time, so the key's index finds a day's records. A correction is no request.
_TRAFFIC = """
    WITH recent AS MATERIALIZED (
      SELECT model_id, first_content_ms, outcome IN ('completed', 'client_gone') AS answered,
             created_at > ledger_now() - interval '5 minutes' AS in_5m,
             created_at > ledger_now() - interval '30 minutes' AS in_30m
        FROM usage_record
       WHERE day >= (ledger_now() AT TIME ZONE 'UTC')::date - 1
         AND created_at > ledger_now() - interval '24 hours' AND corrects_id IS NULL)
    SELECT model_id,
           count(*) FILTER (WHERE in_5m), count(*) FILTER (WHERE in_5m AND answered),
           count(*) FILTER (WHERE in_30m), count(*) FILTER (WHERE in_30m AND answered),
           count(*), count(*) FILTER (WHERE answered),
           percentile_disc(0.5) WITHIN GROUP (ORDER BY first_content_ms) FILTER (WHERE in_30m),
           percentile_disc(0.5) WITHIN GROUP (ORDER BY first_content_ms)
      FROM recent GROUP BY model_id"""
_PLATFORM = """
    SELECT (SELECT count(*) FROM gateway_lease WHERE leased_until > ledger_now()),
           (SELECT extract(epoch FROM ledger_now() - u.created_at) FROM usage_record u
             WHERE u.settlement_id IS NULL ORDER BY u.day, u.id LIMIT 1)"""


@dataclass(frozen=True, slots=True)
class Window:
    """Requests that ended in a span of time, and how many of them gave an answer."""

    requests: int
    answered: int

    @property
    def percent(self) -> float | None:
        """Rounded down to a tenth, so that 100 means all; None without traffic."""
        return self.answered * 1000 // self.requests / 10 if self.requests else None


@dataclass(frozen=True, slots=True)
class Traffic:
    """One model in the last minutes and hours; milliseconds to the first content, at the median."""

    last_5m: Window
    last_30m: Window
    last_24h: Window
    first_content_30m_ms: int | None
    first_content_24h_ms: int | None


@dataclass(frozen=True, slots=True)
class Platform:
    """How many gateways live, and how long the oldest request waits to be settled."""

    gateways: int
    unsettled_seconds: float | None

    @property
    def settles(self) -> bool:
        return self.unsettled_seconds is None or self.unsettled_seconds <= UNSETTLED_SECONDS_MAX


QUIET = Traffic(Window(0, 0), Window(0, 0), Window(0, 0), None, None)


def traffic_by_model() -> dict[int, Traffic]:
    """By the model's row id; models without a request in 24 hours are not in it."""
    with connection.cursor() as cursor:
        cursor.execute(_TRAFFIC)
        return {
            model_id: Traffic(Window(*counts[0:2]), Window(*counts[2:4]), Window(*counts[4:6]), *counts[6:8])
            for model_id, *counts in cursor.fetchall()
        }


def platform_state() -> Platform:
    """What the database knows of gateways and settlement."""
    with connection.cursor() as cursor:
        cursor.execute(_PLATFORM)
        gateways, seconds = cursor.fetchone()
    return Platform(gateways, None if seconds is None else float(seconds))
