"""The only writer of money outside the gateway's batches: each function is one call of the ledger's SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from django.conf import settings
from django.db import DatabaseError, connection, transaction

from accounts import services as accounts_services
from billing.fault_points import point

CreditKind = Literal["topup", "promo", "goodwill", "correction"]
WalletStatus = Literal["active", "frozen", "closed"]
FreezeReason = Literal["staff", "books", "dispute"]
Period = Literal["daily", "weekly", "monthly", "total"]

TRANSFER_CONFLICT_SQLSTATE = "LG001"
PARTITION_DAYS_AHEAD = 14
LEASE_DAYS_KEPT = 7


class TransferConflict(Exception):
    """The key was used before for another transfer: nothing was posted."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One place where the books do not hold: which rule, of what, and by how many nano-dollars (or rows).

    `wallet_id` is the wallet concerned, None where it is no single one.
    """

    rule: str
    subject: str
    difference: int
    wallet_id: int | None = None


def wallet_open(*, organization_id: int) -> int:
    """The id of the organisation's wallet, made on first use."""
    return int(_call("SELECT wallet_open(%s)", organization_id)[0])


def wallet_credit(
    *, organization_id: int, amount_nanos: int, key: str, kind: CreditKind, reason: str
) -> Literal["credited", "duplicate"]:
    """Put money on a wallet, once per `key`.

    `promo` and `goodwill` are granted credit: spent first, never refunded; the others are bought.
    The same key with another amount, kind, reason or organisation raises `TransferConflict`.
    """
    if amount_nanos <= 0:
        raise ValueError("A credit is more than nothing.")
    try:
        with transaction.atomic():
            wallet_id = wallet_open(organization_id=organization_id)
            (answer,) = _call("SELECT ledger_credit(%s, %s, %s, %s, %s)", wallet_id, amount_nanos, key, kind, reason)
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", None) == TRANSFER_CONFLICT_SQLSTATE:
            raise TransferConflict(key) from error
        raise
    return "credited" if answer == "credited" else "duplicate"


def wallet_freeze_add(*, wallet_ids: Sequence[int], reason: FreezeReason, subject: str = "") -> int:
    """Freeze wallets for a reason of their own; how many were not frozen for it before."""
    return int(_call("SELECT wallet_freeze_add(%s, %s, %s)", list(wallet_ids), reason, subject)[0])


def wallet_status_set(*, wallet_ids: Sequence[int], status: WalletStatus) -> int:
    """What a person decides: freeze, open again whatever froze them, or close; how many changed.

    A frozen wallet admits nothing new, live requests go on.
    """
    return int(_call("SELECT wallet_status_set(%s, %s)", list(wallet_ids), status)[0])


def spending_limit_set(
    *,
    wallet_id: int,
    api_key_id: int | None = None,
    member_id: int | None = None,
    period: Period,
    amount_nanos: int,
) -> int:
    """Make or change a limit of a key, a member or (neither) the wallet; its id. What the window saw counts."""
    arguments = (wallet_id, api_key_id, member_id, period, amount_nanos)
    return int(_call("SELECT ledger_limit_set(%s, %s, %s, %s, %s)", *arguments)[0])


def spending_limit_remove(*, wallet_id: int, limit_id: int) -> bool:
    """Take a limit of this wallet away; whether there was one. Live requests go on."""
    return bool(_call("SELECT ledger_limit_remove(%s, %s)", wallet_id, limit_id)[0])


def usage_settle(*, limit: int = 5000) -> int:
    """Turn up to `limit` unsettled usage records into transfers and roll-ups, in one transaction; how many."""
    with transaction.atomic():
        records, key_ids, last_used = _call("SELECT * FROM ledger_settle(%s)", limit)
        if records:
            point("settle.after_transfers")
    if records:
        point("settle.after_commit")
    if key_ids:
        # After the settlement: a key's "last used" is worth no rollback, and the next batch brings it again.
        accounts_services.api_keys_touch(last_used=dict(zip(key_ids, last_used, strict=True)))
    return int(records)


def holds_reap(*, limit: int = 1000) -> int:
    """Resolve holds whose gateway is gone, each at its last checkpoint; how many. Twice at once is fine."""
    query = "SELECT ledger_reap(%s, make_interval(secs => %s))"
    with transaction.atomic():
        (count,) = _call(query, limit, settings.REAP_GRACE_SECONDS)
        if count:
            point("reap.after_finish")
    if count:
        point("reap.after_commit")
    return int(count)


def leases_forget() -> int:
    """Forget gateways that ended long ago; how many."""
    return int(_call("SELECT gateway_leases_forget(make_interval(days => %s))", LEASE_DAYS_KEPT)[0])


def usage_partitions_ensure(*, first_day: date, last_day: date) -> int:
    """Have a partition for each of these days, both included; how many were made."""
    return int(_call("SELECT usage_partitions_ensure(%s, %s)", first_day, last_day)[0])


def usage_partitions_prepare() -> int:
    """Have the partitions of yesterday, today and the coming two weeks; how many were made."""
    today = datetime.now(UTC).date()
    last_day = today + timedelta(days=PARTITION_DAYS_AHEAD)
    return usage_partitions_ensure(first_day=today - timedelta(days=1), last_day=last_day)


def ledger_check() -> list[Violation]:
    """Every place where the books do not hold; an empty list means that they do. Looks at the whole past."""
    query = """
        SELECT rule, subject, difference, wallet_id FROM ledger_violation
        UNION ALL SELECT * FROM payment_violations_open()
        UNION ALL SELECT * FROM payment_violations_past()
        ORDER BY rule, subject"""
    return _violations(query)


def ledger_check_open(*, settlement_id: int, hour: datetime, until: datetime) -> list[Violation]:
    """Where they do not hold now: wallets and holds, settlements after this one, hours from one up to another."""
    query = """
        SELECT rule, subject, difference, wallet_id FROM ledger_violations_open()
        UNION ALL SELECT * FROM payment_violations_open()
        UNION ALL SELECT * FROM ledger_violations_settled(%s)
        UNION ALL SELECT * FROM ledger_violations_hours(%s, %s)"""
    return _violations(query, settlement_id, hour, until)


def day_close(*, day: date) -> int:
    """Write down the balances at the end of a day that is over; how many accounts had moved (0: closed before)."""
    return int(_call("SELECT ledger_close_day(%s)", day)[0])


def usage_month_merge(*, month: date) -> int:
    """Make one partition of a month's days; how many records it has (0: nothing to do)."""
    return int(_call("SELECT usage_month_merge(%s)", month)[0])


def usage_month_detach(*, month: date) -> int:
    """Take a merged month out of the ledger, into a table of its own; how many records (0: nothing to do)."""
    return int(_call("SELECT usage_month_detach(%s)", month)[0])


def _violations(query: str, *arguments: Any) -> list[Violation]:
    with connection.cursor() as cursor:
        cursor.execute(query, arguments or None)
        return [Violation(rule, subject, int(off), wallet) for rule, subject, off, wallet in cursor.fetchall()]


def _call(query: str, *arguments: Any) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(query, arguments)
        row: tuple[Any, ...] | None = cursor.fetchone()
    assert row is not None  # Each of these functions answers exactly one row.
    return row
