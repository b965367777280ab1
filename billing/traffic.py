"""How models answer and whether the platform works, from real traffic: only a provider or we can fail in it."""

from dataclasses import dataclass
from datetime import UTC, timedelta
from itertools import groupby
from operator import itemgetter

from django.db import connection

from billing.attempts import NOBODYS_FAULT

# A gateway that settles within seconds leaves nothing older than this.
UNSETTLED_SECONDS_MAX = 60.0

# Counted by latency first: a hash instead of a sort of every record. A correction is no request. A request that came to
# nothing because it was wrong, or because its client left, says nothing about who should have answered it.
_TRAFFIC = """
    SELECT model_id, first_content_ms,
           count(*) FILTER (WHERE created_at > %(m5)s),
           count(*) FILTER (WHERE created_at > %(m5)s AND outcome IN ('completed', 'client_gone')),
           count(*) FILTER (WHERE created_at > %(m30)s),
           count(*) FILTER (WHERE created_at > %(m30)s AND outcome IN ('completed', 'client_gone')),
           count(*),
           count(*) FILTER (WHERE outcome IN ('completed', 'client_gone'))
      FROM usage_record
     WHERE day >= %(day)s AND created_at > %(h24)s AND corrects_id IS NULL
       AND (outcome <> 'void' OR coalesce(attempts -> -1 ->> 'reason', '') <> ALL (%(nobodys_fault)s))
     GROUP BY model_id, first_content_ms ORDER BY model_id, first_content_ms"""
_PLATFORM = """
    SELECT (SELECT count(*) FROM gateway_lease WHERE leased_until > ledger_now()),
           (SELECT extract(epoch FROM ledger_now() - u.created_at) FROM usage_record u
             WHERE u.settlement_id IS NULL ORDER BY u.day, u.id LIMIT 1)"""


@dataclass(frozen=True, slots=True)
class Window:
    """Requests that could be answered and ended in a span of time, and how many of them gave an answer."""

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
        cursor.execute("SELECT ledger_now()")
        now = cursor.fetchone()[0].astimezone(UTC)
        since = {"m5": timedelta(minutes=5), "m30": timedelta(minutes=30), "h24": timedelta(hours=24)}
        starts = {name: now - span for name, span in since.items()}
        given = {"day": starts["h24"].date(), "nobodys_fault": list(NOBODYS_FAULT)}
        cursor.execute(_TRAFFIC, starts | given)
        rows = cursor.fetchall()
    return {model_id: _traffic([row[1:] for row in found]) for model_id, found in groupby(rows, key=itemgetter(0))}


def _traffic(rows: list[tuple[int | None, ...]]) -> Traffic:
    """Of one model: counts of three spans, two each, for each latency, lowest first."""
    sums = [sum(row[column] or 0 for row in rows) for column in range(1, 7)]
    return Traffic(Window(*sums[0:2]), Window(*sums[2:4]), Window(*sums[4:6]), _median(rows, 3), _median(rows, 5))


def _median(rows: list[tuple[int | None, ...]], column: int) -> int | None:
    """The lower middle latency of those that began an answer, counted by this column."""
    counted = [(row[0], row[column] or 0) for row in rows if row[0] is not None and row[column]]
    left = (sum(count for _ms, count in counted) + 1) // 2
    for milliseconds, count in counted:
        left -= count
        if left <= 0:
            return milliseconds
    return None


def platform_state() -> Platform:
    """What the database knows of gateways and settlement."""
    with connection.cursor() as cursor:
        cursor.execute(_PLATFORM)
        gateways, seconds = cursor.fetchone()
    return Platform(gateways, None if seconds is None else float(seconds))
