"""Usage over time: settled hours and what is not settled yet, by model, API key, member or protocol."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from django.db import connection
from django.utils import timezone

Bucket = Literal["hour", "day"]
GroupBy = Literal["model", "key", "member", "protocol"]
_COLUMNS: dict[GroupBy, str] = {
    "model": "model_id",
    "key": "api_key_id",
    "member": "coalesce(member_id, 0)",
    "protocol": "client_protocol",
}
# One statement: a settlement that commits meanwhile moves records from one part to the other.
_SERIES = """
WITH w AS MATERIALIZED (SELECT id FROM wallet WHERE organization_id = %(organization)s AND currency = 'USD'),
used AS (
  SELECT hour, {column}::text AS grp, requests, input_tokens,
         cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens AS cached_tokens, output_tokens,
         charge_nanos - write_off_nanos AS spend_nanos, reasoning_tokens
    FROM usage_hourly
   WHERE wallet_id = (SELECT id FROM w) AND hour >= %(since)s AND hour < %(until)s
     AND (%(key)s::bigint IS NULL OR api_key_id = %(key)s) AND (%(member)s::bigint IS NULL OR member_id = %(member)s)
  UNION ALL
  SELECT uuid7_hour(id), {column}::text, CASE WHEN corrects_id IS NULL THEN 1 ELSE 0 END, input_tokens,
         cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens, output_tokens,
         charge_nanos - write_off_nanos, reasoning_tokens
    FROM usage_record
   WHERE settlement_id IS NULL AND wallet_id = (SELECT id FROM w) AND day BETWEEN %(first_day)s AND %(last_day)s
     AND uuid7_hour(id) >= %(since)s AND uuid7_hour(id) < %(until)s
     AND (%(key)s::bigint IS NULL OR api_key_id = %(key)s) AND (%(member)s::bigint IS NULL OR member_id = %(member)s)
), cells AS MATERIALIZED (
  SELECT (%(starts)s::timestamptz[])[width_bucket(hour, %(starts)s::timestamptz[])] AS starts_at, grp,
         sum(requests)::bigint AS requests,
         sum(input_tokens)::bigint AS input_tokens, sum(cached_tokens)::bigint AS cached_tokens,
         sum(output_tokens)::bigint AS output_tokens, sum(spend_nanos)::bigint AS spend_nanos,
         sum(reasoning_tokens)::bigint AS reasoning_tokens
    FROM used GROUP BY 1, 2
)
{answer}"""
_EVERY_CELL = "SELECT * FROM cells ORDER BY starts_at, grp"
_LARGEST = """, ranked AS (
  SELECT grp, row_number() OVER (ORDER BY sum(
           CASE %(metric)s WHEN 'spend' THEN spend_nanos WHEN 'requests' THEN requests
                           ELSE input_tokens + cached_tokens + output_tokens END) DESC, grp) AS place
    FROM cells GROUP BY grp
)
SELECT c.starts_at, CASE WHEN r.place <= %(most)s THEN c.grp ELSE '' END, sum(c.requests)::bigint,
       sum(c.input_tokens)::bigint, sum(c.cached_tokens)::bigint, sum(c.output_tokens)::bigint,
       sum(c.spend_nanos)::bigint, sum(c.reasoning_tokens)::bigint
  FROM cells c JOIN ranked r ON r.grp = c.grp GROUP BY 1, 2 ORDER BY 1, 2"""
# The group of all that are too small to have one of their own.
OTHERS = ""


@dataclass(frozen=True, slots=True)
class UsageCell:
    """What one group used in one bucket. `group` is an id as text, or a protocol; "0" is no member."""

    starts_at: datetime
    group: str
    requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    spend_nanos: int
    reasoning_tokens: int

    @property
    def tokens(self) -> int:
        """All of them, in and out."""
        return self.input_tokens + self.cached_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class UsageOf:
    """Whose usage: one key's, one member's; None asks nothing."""

    api_key_id: int | None = None
    member_id: int | None = None


@dataclass(frozen=True, slots=True)
class Largest:
    """How many groups stay on their own, and what they are compared by: spend, tokens or requests."""

    groups: int
    metric: str


def usage_series(
    *,
    organization_id: int,
    since: datetime,
    until: datetime,
    bucket: Bucket,
    group_by: GroupBy,
    of: UsageOf | None = None,
) -> list[UsageCell]:
    """Cells that are not empty, the oldest first; whole hours from `since` up to, not including, `until`.

    Days are those of the current time zone; an hour belongs to the day in which it begins.
    """
    of = of or UsageOf()
    asked = {"organization": organization_id, "since": since, "until": until, "bucket": bucket}
    return _cells(_EVERY_CELL, group_by, asked | {"key": of.api_key_id, "member": of.member_id})


def usage_series_largest(
    *, organization_id: int, since: datetime, until: datetime, bucket: Bucket, group_by: GroupBy, largest: Largest
) -> list[UsageCell]:
    """As `usage_series`, with the groups beyond the largest added up as `OTHERS`: however many keys there are."""
    asked = {"organization": organization_id, "since": since, "until": until, "bucket": bucket}
    return _cells(_LARGEST, group_by, asked | {"metric": largest.metric, "most": largest.groups})


def bucket_starts(since: datetime, until: datetime, bucket: Bucket) -> list[datetime]:
    """When each whole hour from `since` on begins, or each day of the current time zone, the first at `since`."""
    if bucket == "hour":
        # Where midnight is half past an hour, the first whole one is half an hour later.
        since += -(since - datetime.min.replace(tzinfo=UTC)) % timedelta(hours=1)
        return [since + timedelta(hours=hour) for hour in range(-(-(until - since) // timedelta(hours=1)))]
    starts, day = [since], timezone.localtime(since).date()
    # A day is not always 24 hours: the clocks are put forward and back.
    while (start := midnight(day := day + timedelta(days=1))) < until:
        starts.append(start)
    return starts


def midnight(day: date) -> datetime:
    """When a day of the current time zone begins, in UTC."""
    return datetime.combine(day, time.min, timezone.get_current_timezone()).astimezone(UTC)


def _cells(answer: str, group_by: GroupBy, asked: Mapping[str, Any]) -> list[UsageCell]:
    since, until = asked["since"].astimezone(UTC), asked["until"].astimezone(UTC)
    within = {
        "first_day": since.date(),
        "last_day": until.date(),
        "starts": bucket_starts(since, until, asked["bucket"]),
    }
    with connection.cursor() as cursor:
        cursor.execute(
            _SERIES.format(column=_COLUMNS[group_by], answer=answer), {"key": None, "member": None, **asked, **within}
        )
        return [UsageCell(*row) for row in cursor.fetchall()]
