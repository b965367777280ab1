"""Usage over time: settled hours and what is not settled yet, by model, API key, member or protocol."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db import connection

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
   WHERE settlement_id IS NULL AND wallet_id = (SELECT id FROM w)
     AND uuid7_hour(id) >= %(since)s AND uuid7_hour(id) < %(until)s
     AND (%(key)s::bigint IS NULL OR api_key_id = %(key)s) AND (%(member)s::bigint IS NULL OR member_id = %(member)s)
)
SELECT date_trunc(%(bucket)s, hour, 'UTC'), grp, sum(requests)::bigint, sum(input_tokens)::bigint,
       sum(cached_tokens)::bigint, sum(output_tokens)::bigint, sum(spend_nanos)::bigint,
       sum(reasoning_tokens)::bigint
  FROM used GROUP BY 1, 2 ORDER BY 1, 2"""


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


def usage_series(
    *,
    organization_id: int,
    since: datetime,
    until: datetime,
    bucket: Bucket,
    group_by: GroupBy,
    of: UsageOf | None = None,
) -> list[UsageCell]:
    """Cells that are not empty, the oldest first; whole hours from `since` up to, not including, `until`. UTC."""
    of = of or UsageOf()
    arguments: dict[str, int | str | datetime | None] = {
        "organization": organization_id,
        "since": since,
        "until": until,
        "bucket": bucket,
        "key": of.api_key_id,
        "member": of.member_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SERIES.format(column=_COLUMNS[group_by]), arguments)
        return [UsageCell(*row) for row in cursor.fetchall()]
