"""Usage by up to two dimensions: from hourly roll-ups and what is not settled yet, in one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from django.db import connection

from billing.usage_series import Bucket, bucket_starts

Dimension = Literal["model", "key", "member", "protocol"]
_COLUMNS: Mapping[Dimension, str] = {
    "model": "model_id",
    "key": "api_key_id",
    "member": "coalesce(member_id, 0)",
    "protocol": "client_protocol",
}
_COUNTED = (
    "requests", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens",
    "spend_nanos",
)  # fmt: skip
# What rows can be ordered by; their names are this module's, never a customer's.
ORDERS: Mapping[str, str] = {
    "time": "starts_at",
    "requests": "requests",
    "tokens": "input_tokens + cache_read_tokens + cache_write_tokens + output_tokens",
    "prompt": "input_tokens + cache_read_tokens + cache_write_tokens",
    "output": "output_tokens",
    "reasoning": "reasoning_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write": "cache_write_tokens",
    "cache_share": "cache_read_tokens::numeric / greatest(input_tokens + cache_read_tokens + cache_write_tokens, 1)",
    "spend": "spend_nanos",
}
# One statement: a settlement that commits meanwhile moves records from one part to the other.
_CELLS = """
WITH w AS MATERIALIZED (SELECT id FROM wallet WHERE organization_id = %(organization)s AND currency = 'USD'),
used AS (
  SELECT hour, {first}::text AS first, {second}::text AS second, requests, input_tokens, cache_read_tokens,
         cache_write_5m_tokens + cache_write_1h_tokens AS cache_write_tokens, output_tokens, reasoning_tokens,
         charge_nanos - write_off_nanos AS spend_nanos
    FROM usage_hourly
   WHERE wallet_id = (SELECT id FROM w) AND hour >= %(since)s AND hour < %(until)s {only}
  UNION ALL
  SELECT uuid7_hour(id), {first}::text, {second}::text, CASE WHEN corrects_id IS NULL THEN 1 ELSE 0 END, input_tokens,
         cache_read_tokens, cache_write_5m_tokens + cache_write_1h_tokens, output_tokens, reasoning_tokens,
         charge_nanos - write_off_nanos
    FROM usage_record
   WHERE settlement_id IS NULL AND wallet_id = (SELECT id FROM w) AND day BETWEEN %(first_day)s AND %(last_day)s
     AND uuid7_hour(id) >= %(since)s AND uuid7_hour(id) < %(until)s {only}
), cells AS (
  SELECT (%(starts)s::timestamptz[])[width_bucket(hour, %(starts)s::timestamptz[])] AS starts_at, first, second, {sums}
    FROM used GROUP BY 1, 2, 3
), placed AS (
  SELECT *, row_number() OVER (PARTITION BY first, second ORDER BY {order}, starts_at) AS place FROM cells
)
SELECT starts_at, first, second, {counted} FROM placed
 WHERE %(of_each)s::bigint IS NULL OR place <= %(of_each)s
 ORDER BY {order}, starts_at DESC, first, second LIMIT %(most)s"""


@dataclass(frozen=True, slots=True)
class Cell:
    """What one group used in one bucket. `groups` has an id as text, or a protocol, for each dimension."""

    starts_at: datetime
    groups: tuple[str, ...]
    requests: int = 0
    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    spend_nanos: int = 0

    @property
    def prompt_tokens(self) -> int:
        """Cached ones too."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens


@dataclass(frozen=True, slots=True)
class Only:
    """Which groups of a dimension count: these (None: all) without those."""

    these: frozenset[str] | None = None
    without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: whole hours from `since` up to `until`; `bucket` None puts them all in one."""

    since: datetime
    until: datetime
    bucket: Bucket | None = None
    dimensions: tuple[Dimension, ...] = ()
    only: Mapping[Dimension, Only] = field(default_factory=dict)
    order: str = "spend"
    descending: bool = True
    most: int = 1000
    of_each: int | None = None


def usage_cells(*, organization_id: int, question: Question) -> list[Cell]:
    """Cells that are not empty, in order, at most `most`; days are UTC's."""
    since, until = question.since, question.until
    starts = bucket_starts(since, until, question.bucket) if question.bucket else [since]
    columns = [f"({_COLUMNS[name]})" for name in question.dimensions] + ["''", "''"]
    wanted: dict[str, Any] = {
        "organization": organization_id, "since": since, "until": until, "starts": starts,
        "first_day": since.date(), "last_day": until.date(), "most": question.most, "of_each": question.of_each,
    }  # fmt: skip
    only, values = _only(question.only)
    statement = _CELLS.format(
        first=columns[0],
        second=columns[1],
        only=only,
        sums=", ".join(f"sum({name})::bigint AS {name}" for name in _COUNTED),
        counted=", ".join(_COUNTED),
        order=f"{ORDERS[question.order]} {'DESC' if question.descending else 'ASC'}",
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, wanted | values)
        return [
            Cell(starts_at, (first, second)[: len(question.dimensions)], *counts)
            for starts_at, first, second, *counts in cursor.fetchall()
        ]


def _only(asked: Mapping[Dimension, Only]) -> tuple[str, dict[str, Sequence[str]]]:
    """Conditions and their values."""
    conditions: list[str] = []
    values: dict[str, Sequence[str]] = {}
    for name, only in asked.items():
        column = f"({_COLUMNS[name]})::text"
        if only.these is not None:
            conditions.append(f"AND {column} = ANY (%({name}_these)s::text[])")
            values[f"{name}_these"] = sorted(only.these)
        if only.without:
            conditions.append(f"AND {column} <> ALL (%({name}_without)s::text[])")
            values[f"{name}_without"] = sorted(only.without)
    return " ".join(conditions), values
