"""Spending limits: set, removed and looked at; those of whole organisations are budgets. The hold enforces them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from django.db import connection as django_connection, transaction

from accounts.audit import audit_record
from accounts.selectors import api_key_names, members_list
from billing import ledger
from billing.ledger import Period
from catalog.money import NANOS_PER_USD, nanos_to_usd

PERIODS: tuple[Period, ...] = ("daily", "weekly", "monthly", "total")
NEAR_PERCENT = 80
LIMIT_MIN_NANOS = NANOS_PER_USD // 100
LIMIT_MAX_NANOS = 1_000_000 * NANOS_PER_USD

# What was spent in a window that is over does not count: the first use in the new one puts it down.
_VIEW = """
    SELECT s.id, s.api_key_id, s.member_id, s.period, s.amount_nanos, s.held_nanos, limit_resets(s.period, n.now),
           CASE WHEN s.window_start < limit_window(s.period, n.now) THEN 0 ELSE s.spent_nanos END
      FROM spending_limit s CROSS JOIN (SELECT ledger_now() AS now) n """


class LimitAmountRefused(ValueError):
    """The amount is below or above what a limit may be; the message says so."""


class LimitSubjectNotFound(Exception):
    """The organisation has no such API key, member or limit."""


@dataclass(frozen=True, slots=True)
class LimitView:
    """A limit now: what its window has seen. `resets_at` is None where nothing ever starts again.

    With neither key nor member it is a budget: all that the organisation spends counts.
    """

    id: int
    api_key_id: int | None
    member_id: int | None
    period: Period
    amount_nanos: int
    held_nanos: int
    resets_at: datetime | None
    spent_nanos: int

    @property
    def is_budget(self) -> bool:
        """Whether it is of the whole organisation."""
        return self.api_key_id is None and self.member_id is None

    @property
    def left_nanos(self) -> int:
        """What the next request may hold under this limit."""
        return max(self.amount_nanos - self.spent_nanos - self.held_nanos, 0)

    @property
    def percent(self) -> int:
        """How much of it is spent, in whole per cent, rounded down: 100 means all."""
        return max(0, min(100, self.spent_nanos * 100 // self.amount_nanos))


@transaction.atomic
def limit_set(
    *,
    organization_id: int,
    api_key_id: int | None = None,
    member_id: int | None = None,
    period: Period,
    amount_nanos: int,
    user_id: int | None = None,
) -> int:
    """Make or change the limit of one API key or one member in one period; its id. Holds from the next request on.

    Raises `LimitAmountRefused`, and `LimitSubjectNotFound` where the organisation has no such key or member.
    """
    amount_check(amount_nanos)
    if (api_key_id is None) == (member_id is None):
        raise ValueError("A limit is of one API key or of one member.")
    if api_key_id:
        name = api_key_names(organization_id=organization_id, ids=[api_key_id]).get(api_key_id)
    else:
        name = _member_emails(organization_id).get(member_id or 0)
    if name is None:
        raise LimitSubjectNotFound("There is no such API key or member.")
    audit_record(
        organization_id=organization_id,
        user_id=user_id,
        action="api_key.limit_set" if api_key_id else "member.cap_set",
        target=name,
        details={"period": period, "usd": str(nanos_to_usd(amount_nanos))},
    )
    return ledger.spending_limit_set(
        wallet_id=ledger.wallet_open(organization_id=organization_id),
        api_key_id=api_key_id,
        member_id=member_id,
        period=period,
        amount_nanos=amount_nanos,
    )


@transaction.atomic
def limit_remove(*, organization_id: int, limit_id: int, user_id: int | None = None) -> None:
    """Take a limit away; live requests go on. Raises `LimitSubjectNotFound`."""
    wallet_id = ledger.wallet_open(organization_id=organization_id)
    known = next((limit for limit in limits_list(organization_id=organization_id) if limit.id == limit_id), None)
    if known is not None:
        names = api_key_names(organization_id=organization_id, ids=[known.api_key_id or 0])
        members = _member_emails(organization_id)
        audit_record(
            organization_id=organization_id,
            user_id=user_id,
            action=_removed(known),
            target=names.get(known.api_key_id or 0) or members.get(known.member_id or 0, ""),
            details={"period": known.period, "usd": str(nanos_to_usd(known.amount_nanos))},
        )
    if not ledger.spending_limit_remove(wallet_id=wallet_id, limit_id=limit_id):
        raise LimitSubjectNotFound("There is no such limit.")


def limits_list(*, organization_id: int) -> list[LimitView]:
    """Every limit of the organisation, the shortest window of a subject first."""
    query = _VIEW + "JOIN wallet w ON w.id = s.wallet_id WHERE w.organization_id = %s ORDER BY s.id"
    with django_connection.cursor() as cursor:
        cursor.execute(query, [organization_id])
        limits = [LimitView(*row) for row in cursor.fetchall()]
    return sorted(limits, key=lambda limit: PERIODS.index(limit.period))


def limits_near(*, organization_id: int, limit: int) -> list[LimitView]:
    """The limits and budgets that are nearly spent, the nearest to its end first."""
    query = f"""SELECT * FROM ({_VIEW} JOIN wallet w ON w.id = s.wallet_id WHERE w.organization_id = %s)
        AS v (id, api_key_id, member_id, period, amount_nanos, held_nanos, resets_at, spent_nanos)
        WHERE spent_nanos::numeric * 100 >= amount_nanos::numeric * %s
        ORDER BY spent_nanos::numeric / amount_nanos DESC, id LIMIT %s"""  # noqa: S608 -- all of it is our own text
    with django_connection.cursor() as cursor:
        cursor.execute(query, [organization_id, NEAR_PERCENT, limit])
        return [LimitView(*row) for row in cursor.fetchall()]


def limits_of(
    *,
    organization_id: int,
    api_key_ids: Sequence[int] = (),
    member_ids: Sequence[int] = (),
    budgets: bool = False,
) -> list[LimitView]:
    """The limits of these keys and members, and the organisation's budgets, the shortest window first."""
    query = f"""{_VIEW} JOIN wallet w ON w.id = s.wallet_id
        WHERE w.organization_id = %s AND (s.api_key_id = ANY(%s) OR s.member_id = ANY(%s)
              OR (%s AND s.api_key_id IS NULL AND s.member_id IS NULL)) ORDER BY s.id"""
    with django_connection.cursor() as cursor:
        cursor.execute(query, [organization_id, list(api_key_ids), list(member_ids), budgets])
        limits = [LimitView(*row) for row in cursor.fetchall()]
    return sorted(limits, key=lambda limit: PERIODS.index(limit.period))


def keys_near_limit(*, organization_id: int) -> list[int]:
    """The API keys of which a limit is spent or held to `NEAR_PERCENT` at least."""
    query = """SELECT DISTINCT s.api_key_id FROM spending_limit s JOIN wallet w ON w.id = s.wallet_id
        WHERE w.organization_id = %s AND s.api_key_id IS NOT NULL
          AND (s.held_nanos + CASE WHEN s.window_start < limit_window(s.period, ledger_now()) THEN 0
                                   ELSE s.spent_nanos END) * 100 >= s.amount_nanos * %s"""
    with django_connection.cursor() as cursor:
        cursor.execute(query, [organization_id, NEAR_PERCENT])
        return [row[0] for row in cursor.fetchall()]


async def limit_get(connection: psycopg.AsyncConnection[Any], *, limit_id: int) -> LimitView | None:
    """One limit, for the gateway's refusal."""
    row = await (await connection.execute(_VIEW + "WHERE s.id = %s", [limit_id])).fetchone()
    return LimitView(*row) if row else None


def amount_check(amount_nanos: int) -> None:
    """`LimitAmountRefused` unless a limit or a budget may be this high."""
    if not LIMIT_MIN_NANOS <= amount_nanos <= LIMIT_MAX_NANOS:
        bounds = f"${nanos_to_usd(LIMIT_MIN_NANOS)} to ${nanos_to_usd(LIMIT_MAX_NANOS)}"
        raise LimitAmountRefused(f"A limit is {bounds}.")


def _removed(limit: LimitView) -> str:
    if limit.is_budget:
        return "organization.budget_removed"
    return "api_key.limit_removed" if limit.api_key_id else "member.cap_removed"


def _member_emails(organization_id: int) -> dict[int, str]:
    return {member.id: member.email for member in members_list(organization_id=organization_id)}
