"""A month of an organisation: the balance before and after, what moved it, and what the usage was made of."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection

from accounts.selectors import api_key_names
from catalog.selectors import model_names

# A day that is over is closed by its last transfer's id; of others the moment decides. Money in is positive.
_MOVES = """
WITH place AS (
  SELECT a.id AS account_id FROM wallet w JOIN account a ON a.wallet_id = w.id AND a.kind = 'wallet'
   WHERE w.organization_id = %(organization)s AND w.currency = 'USD'
), span AS (
  SELECT %(first)s::date::timestamp AT TIME ZONE 'UTC' AS begins, %(end)s::date::timestamp AT TIME ZONE 'UTC' AS ends,
         coalesce((SELECT max(c.day) FROM ledger_close c WHERE c.day < %(first)s::date), '2000-01-01') AS day,
         coalesce((SELECT max(c.transfer_id) FROM ledger_close c WHERE c.day < %(first)s::date), 0) AS after_id
), moved AS (
  SELECT t.kind, t.amount_nanos AS nanos, t.created_at FROM transfer t, place p, span s
   WHERE t.credit_account_id = p.account_id AND t.id > s.after_id AND t.created_at < s.ends
  UNION ALL
  SELECT t.kind, -t.amount_nanos, t.created_at FROM transfer t, place p, span s
   WHERE t.debit_account_id = p.account_id AND t.id > s.after_id AND t.created_at < s.ends
)
SELECT 'before', coalesce((SELECT c.balance_nanos FROM account_close c, place p, span s
                            WHERE c.account_id = p.account_id AND c.day <= s.day ORDER BY c.day DESC LIMIT 1), 0)
               + coalesce((SELECT sum(m.nanos) FROM moved m, span s WHERE m.created_at < s.begins), 0)::bigint
UNION ALL
SELECT m.kind, sum(m.nanos)::bigint FROM moved m, span s WHERE m.created_at >= s.begins GROUP BY m.kind"""

# By when a request began, settled or not: the same sums as the usage page.
_USAGE = """
SELECT x.{subject}, sum(x.requests), sum(x.input), sum(x.cached), sum(x.output), sum(x.nanos)::bigint FROM (
  SELECT h.model_id, h.api_key_id, h.requests,
         h.input_tokens + h.cache_write_5m_tokens + h.cache_write_1h_tokens AS input,
         h.cache_read_tokens AS cached, h.output_tokens AS output, h.charge_nanos - h.write_off_nanos AS nanos
    FROM usage_hourly h JOIN wallet w ON w.id = h.wallet_id
   WHERE w.organization_id = %(organization)s AND h.hour >= %(first)s::date::timestamp AT TIME ZONE 'UTC'
     AND h.hour < %(end)s::date::timestamp AT TIME ZONE 'UTC'
  UNION ALL
  SELECT u.model_id, u.api_key_id, (u.corrects_id IS NULL)::int,
         u.input_tokens + u.cache_write_5m_tokens + u.cache_write_1h_tokens, u.cache_read_tokens, u.output_tokens,
         u.charge_nanos - u.write_off_nanos
    FROM usage_record u JOIN wallet w ON w.id = u.wallet_id
   WHERE w.organization_id = %(organization)s AND u.settlement_id IS NULL
     AND uuid7_hour(u.id) >= %(first)s::date::timestamp AT TIME ZONE 'UTC'
     AND uuid7_hour(u.id) < %(end)s::date::timestamp AT TIME ZONE 'UTC'
) x GROUP BY 1 ORDER BY 6 DESC, 1"""


@dataclass(frozen=True, slots=True)
class UsageLine:
    """What one model or API key came to. Input counts written to a cache too, `cached_tokens` those read from it."""

    name: str
    requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    charge_nanos: int


@dataclass(frozen=True, slots=True)
class MonthStatement:
    """A month (UTC). `moves` are the ledger's sums by kind; `other_nanos` is usage booked in it of other months."""

    month: date
    is_over: bool
    before_nanos: int
    moves: list[tuple[str, int]]
    by_model: list[UsageLine]
    by_key: list[UsageLine]

    @property
    def after_nanos(self) -> int:
        """The balance at its end, or now."""
        return self.before_nanos + sum(nanos for _, nanos in self.moves)

    @property
    def usage_nanos(self) -> int:
        """What its requests came to."""
        return sum(line.charge_nanos for line in self.by_model)

    @property
    def other_nanos(self) -> int:
        """What the ledger booked as usage in it beyond that: requests around midnight, or not booked yet (negative)."""
        return -dict(self.moves).get("usage", 0) - self.usage_nanos


def month_end(month: date) -> date:
    """The first day of the next one."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def month_statement(*, organization_id: int, month: date, today: date) -> MonthStatement:
    """The statement of the month that begins with the day `month`."""
    arguments: dict[str, int | date] = {"organization": organization_id, "first": month, "end": month_end(month)}
    moves = {kind: int(nanos) for kind, nanos in _rows(_MOVES, arguments)}
    models = _rows(_USAGE.format(subject="model_id"), arguments)
    keys = _rows(_USAGE.format(subject="api_key_id"), arguments)
    return MonthStatement(
        month=month,
        is_over=month_end(month) <= today,
        before_nanos=moves.pop("before", 0),
        moves=sorted(moves.items(), key=lambda move: -move[1]),
        by_model=_named(models, model_names(ids=[row[0] for row in models])),
        by_key=_named(keys, api_key_names(organization_id=organization_id)),
    )


def _named(rows: list[tuple[Any, ...]], names: dict[int, str]) -> list[UsageLine]:
    return [UsageLine(names.get(row[0], ""), *(int(figure) for figure in row[1:])) for row in rows]


def _rows(query: str, arguments: dict[str, int | date]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, arguments)
        return list(cursor.fetchall())
