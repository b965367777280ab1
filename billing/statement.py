"""A wallet's lines with the balance after each: they add up, from the first to what is available now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from django.db import connection

NEWEST = 2**63 - 1
# The kinds of transfer that move a wallet, as they are filtered by.
KINDS = (
    "topup", "usage", "refund", "promo", "goodwill", "dispute", "reinstated", "repayment", "expiry", "correction",
)  # fmt: skip
# Transfers looked at for one page: usage becomes one every few seconds, and a line is all of an hour.
TRANSFERS_MAX = 50_000
_CSV_PAGE_LINES = 1000

# Whose account it is, what it has now, and which transfers may be meant. Closed days give bounds by id, with a day to
# spare: the exact moment is compared too.
_PLACE = """
WITH place AS (
  SELECT w.id AS wallet_id, a.id AS account_id, w.posted_nanos,
         coalesce((SELECT sum(u.charge_nanos - u.write_off_nanos) FROM usage_record u
                    WHERE u.wallet_id = w.id AND u.settlement_id IS NULL), 0)::bigint AS unsettled_nanos
    FROM wallet w JOIN account a ON a.wallet_id = w.id AND a.kind = 'wallet'
   WHERE w.organization_id = %(organization)s AND w.currency = 'USD'
), bounds AS (
  SELECT coalesce((SELECT max(c.transfer_id) FROM ledger_close c WHERE c.day < %(first)s::date - 1), 0) AS after_id,
         least(%(before)s,
               (SELECT min(c.transfer_id) + 1 FROM ledger_close c WHERE c.day > %(last)s::date)) AS before_id
)"""
_SIDE = """
    SELECT t.id, t.created_at, t.kind, t.reason, t.idempotency_key AS key, {sign}t.amount_nanos AS nanos FROM transfer t
     WHERE t.{side}_account_id = (SELECT account_id FROM place)
       AND t.id > (SELECT after_id FROM bounds) AND t.id < (SELECT before_id FROM bounds)
       AND (%(kind)s = '' OR t.kind = %(kind)s)
       AND (%(first)s::date IS NULL OR t.created_at >= %(first)s::date::timestamp AT TIME ZONE 'UTC')
       AND (%(last)s::date IS NULL OR t.created_at < (%(last)s::date + 1)::timestamp AT TIME ZONE 'UTC')"""
_IN, _OUT = _SIDE.format(side="credit", sign=""), _SIDE.format(side="debit", sign="-")

# One statement, so that wallet, unsettled charges and transfers are of one moment. Usage that follows on usage within
# an hour is one line. The balance after a line is the account now, less everything that came later: between two lines
# the transfers that are not shown, too.
_LINES = f"""{_PLACE}, raw AS (
  SELECT * FROM (({_IN} ORDER BY t.id DESC LIMIT %(most)s)
                 UNION ALL ({_OUT} ORDER BY t.id DESC LIMIT %(most)s)) both_sides
   ORDER BY id DESC LIMIT %(most)s
), marked AS (
  SELECT *, (kind = 'usage' AND lag(kind) OVER newest = 'usage' AND date_trunc('hour', created_at, 'UTC')
               = date_trunc('hour', lag(created_at) OVER newest, 'UTC')) IS NOT TRUE AS begins
    FROM raw WINDOW newest AS (ORDER BY id DESC)
), numbered AS (
  SELECT *, count(*) FILTER (WHERE begins) OVER (ORDER BY id DESC) AS line FROM marked
), lines AS (
  SELECT min(id) AS first_id, max(id) AS last_id, max(created_at) AS created_at, max(kind) AS kind,
         max(reason) AS reason, sum(nanos)::bigint AS nanos, max(key) AS key
    FROM numbered GROUP BY line ORDER BY line LIMIT %(limit)s
), gaps AS (
  SELECT l.*, coalesce(lag(l.last_id) OVER (ORDER BY l.last_id DESC), {NEWEST}) AS up_to FROM lines l
), placed AS (
  SELECT g.*, (coalesce((SELECT sum(t.amount_nanos) FROM transfer t
                          WHERE t.credit_account_id = p.account_id AND t.id > g.last_id AND t.id <= g.up_to), 0)
             - coalesce((SELECT sum(t.amount_nanos) FROM transfer t
                          WHERE t.debit_account_id = p.account_id AND t.id > g.last_id AND t.id <= g.up_to), 0)
              ) AS later
    FROM gaps g CROSS JOIN place p
)
SELECT p.posted_nanos, p.unsettled_nanos, l.first_id, l.created_at, l.kind, l.reason, l.nanos,
       (p.posted_nanos + p.unsettled_nanos - sum(l.later) OVER (ORDER BY l.last_id DESC))::bigint,
       CASE l.kind WHEN 'topup' THEN (SELECT s.id FROM topup s WHERE s.payment_intent_id = substr(l.key, 7))
                   WHEN 'refund' THEN (SELECT r.topup_id FROM refund r WHERE r.id = substr(l.key, 8, 36)::uuid) END
  FROM place p LEFT JOIN placed l ON true ORDER BY l.last_id DESC"""  # noqa: S608 -- of the constants above

_TOTALS = f"""{_PLACE}
SELECT (SELECT coalesce(sum(i.nanos), 0)::bigint FROM ({_IN}) i),
       (SELECT coalesce(sum(o.nanos), 0)::bigint FROM ({_OUT}) o)"""  # noqa: S608 -- of the constants above


@dataclass(frozen=True, slots=True)
class StatementFilter:
    """Which lines: of one kind, from one day (UTC) to another, both included. An empty field means all."""

    kind: str = ""
    first: date | None = None
    last: date | None = None

    @property
    def is_empty(self) -> bool:
        """Whether every line is meant."""
        return not self.kind and self.first is None and self.last is None


@dataclass(frozen=True, slots=True)
class StatementLine:
    """A transfer of the wallet's account, or all usage of an hour; money in is positive.

    `balance_nanos` is the account after it; `payment_id` the top-up it is or gives back; `id` the cursor to the older.
    """

    id: int
    created_at: datetime
    kind: str
    reason: str
    amount_nanos: int
    balance_nanos: int
    payment_id: UUID | None

    @property
    def hour(self) -> datetime:
        """The hour (UTC) it is of."""
        return self.created_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)

    @property
    def before_nanos(self) -> int:
        """The account before it."""
        return self.balance_nanos - self.amount_nanos


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


@dataclass(frozen=True, slots=True)
class StatementTotals:
    """What all lines of a filter come to; out is negative."""

    in_nanos: int
    out_nanos: int

    @property
    def net_nanos(self) -> int:
        """Both together."""
        return self.in_nanos + self.out_nanos


def statement_get(
    *, organization_id: int, only: StatementFilter | None = None, before: int | None = None, limit: int = 50
) -> Statement:
    """The newest lines, or the next older than `before`."""
    arguments = _arguments(organization_id, only, before) | {"limit": limit, "most": TRANSFERS_MAX}
    with connection.cursor() as cursor:
        cursor.execute(_LINES, arguments)
        rows = cursor.fetchall()
    if not rows:
        return Statement(0, 0, [])
    lines = [StatementLine(*row[2:]) for row in rows if row[2] is not None]
    return Statement(balance_nanos=rows[0][0], unsettled_nanos=rows[0][1], lines=lines)


def statement_lines(*, organization_id: int, only: StatementFilter | None = None) -> Iterator[StatementLine]:
    """Every line, newest first, a part at a time."""
    before: int | None = None
    while lines := statement_get(
        organization_id=organization_id, only=only, before=before, limit=_CSV_PAGE_LINES
    ).lines:
        yield from lines
        before = lines[-1].id


def statement_totals(*, organization_id: int, only: StatementFilter | None = None) -> StatementTotals:
    """What all lines together come to."""
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, _arguments(organization_id, only, None))
        money_in, money_out = cursor.fetchone() or (0, 0)
    return StatementTotals(money_in, money_out)


def _arguments(
    organization_id: int, only: StatementFilter | None, before: int | None
) -> dict[str, str | int | date | None]:
    only = only or StatementFilter()
    return {
        "organization": organization_id,
        "before": NEWEST if before is None else before,
        "kind": only.kind,
        "first": only.first,
        "last": only.last,
    }
