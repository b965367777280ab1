"""A wallet's lines with the balance after each: they add up, from the first to what is available now."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

# One statement, so that wallet, unsettled charges and transfers are of one moment. Money in is positive. The balance
# after a line is the account now, less everything that came later.
_LINES = """
WITH place AS (
  SELECT w.id AS wallet_id, a.id AS account_id, w.posted_nanos,
         coalesce((SELECT sum(u.charge_nanos - u.write_off_nanos) FROM usage_record u
                    WHERE u.wallet_id = w.id AND u.settlement_id IS NULL), 0)::bigint AS unsettled_nanos
    FROM wallet w JOIN account a ON a.wallet_id = w.id AND a.kind = 'wallet'
   WHERE w.organization_id = %(organization)s AND w.currency = 'USD'
), newer AS (
  SELECT coalesce((SELECT sum(t.amount_nanos) FROM transfer t
                    WHERE t.credit_account_id = (SELECT account_id FROM place) AND t.id >= %(before)s), 0)
       - coalesce((SELECT sum(t.amount_nanos) FROM transfer t
                    WHERE t.debit_account_id = (SELECT account_id FROM place) AND t.id >= %(before)s), 0) AS nanos
), lines AS (
  SELECT * FROM (
    (SELECT t.id, t.created_at, t.kind, t.reason, t.amount_nanos AS nanos FROM transfer t
      WHERE t.credit_account_id = (SELECT account_id FROM place) AND t.id < %(before)s
      ORDER BY t.id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT t.id, t.created_at, t.kind, t.reason, -t.amount_nanos FROM transfer t
      WHERE t.debit_account_id = (SELECT account_id FROM place) AND t.id < %(before)s
      ORDER BY t.id DESC LIMIT %(limit)s)) both_sides
   ORDER BY id DESC LIMIT %(limit)s
)
SELECT p.posted_nanos, p.unsettled_nanos, l.id, l.created_at, l.kind, l.reason, l.nanos,
       (p.posted_nanos + p.unsettled_nanos - n.nanos - coalesce(
          sum(l.nanos) OVER (ORDER BY l.id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0))::bigint
  FROM place p CROSS JOIN newer n LEFT JOIN lines l ON true ORDER BY l.id DESC"""
NEWEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One transfer of the wallet's account: money in is positive; `balance_nanos` is the account after it."""

    id: int
    created_at: datetime
    kind: str
    reason: str
    amount_nanos: int
    balance_nanos: int


@dataclass(frozen=True, slots=True)
class Statement:
    """Lines, newest first. The balance is the first line's, less `unsettled_nanos`: charges of the last seconds."""

    balance_nanos: int
    unsettled_nanos: int
    lines: list[StatementLine]

    @property
    def settling_nanos(self) -> int:
        """What charges that are not settled yet will take off."""
        return -self.unsettled_nanos


def statement_get(*, organization_id: int, before: int | None = None, limit: int = 50) -> Statement:
    """The newest lines, or the next older than `before`."""
    arguments = {"organization": organization_id, "before": NEWEST if before is None else before, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(_LINES, arguments)
        rows = cursor.fetchall()
    if not rows:
        return Statement(0, 0, [])
    lines = [StatementLine(*row[2:]) for row in rows if row[2] is not None]
    return Statement(balance_nanos=rows[0][0], unsettled_nanos=rows[0][1], lines=lines)
