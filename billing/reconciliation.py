"""The books against themselves: each minute what may have changed, each night all. A difference freezes its wallet."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from billing import ledger
from billing.alarm_models import LedgerCheck
from billing.alarms import alarm_raise, alarms_clear
from billing.ledger import Violation
from billing.models import Settlement
from billing.watches import waiting_watch
from catalog.money import nanos_to_usd

# Rules that the check of each minute looks at as a whole; of the others it sees what is new.
OPEN_RULES = frozenset(
    {
        "posted",
        "granted",
        "granted_above_balance",
        "debt",
        "wallet_without_accounts",
        "accounts_sum_to_zero",
        "wallet_held",
        "hold_without_wallet",
        "limit_held",
        "held_and_charged",
        "default_partition",
        "stripe_clearing",
        "refund_pending",
        "tax_payable",
    }
)
PAST_RULES = frozenset(
    {
        "settlement_sum",
        "settlement_cost",
        "settlement_count",
        "roll_up",
        "closing",
        "limit_spent",
        "late_without_reaped",
        "topup_without_payment",
        "topup_without_transfer",
        "refunded_above_payment",
    }
)
# Two workers at once would only do the same twice.
CHECK_LOCK = 0x626F6F6B
# A settlement takes seconds: what is older than this is complete, whatever number it drew.
SETTLED_FOR = timedelta(minutes=10)
CHECKS_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Checked:
    """How far the last check looked: settlements up to this one, hours before this one."""

    settlement_id: int
    hour: datetime


@transaction.atomic
def books_watch() -> list[Violation]:
    """Check what may have changed since the last check; the differences found. Does nothing beside another."""
    if not _alone():
        return []
    last, now = _last(), timezone.now()
    until = now.replace(minute=0, second=0, microsecond=0)
    found = _check(
        "minute",
        lambda: ledger.ledger_check_open(settlement_id=last.settlement_id, hour=last.hour, until=until),
        reached=Checked(_settled_through(now), until),
        clears=OPEN_RULES,
    )
    waiting_watch()
    return found


@transaction.atomic
def books_audit() -> list[Violation]:
    """Check everything; the differences found. Does nothing beside another."""
    if not _alone():
        return []
    now = timezone.now()
    reached = Checked(_settled_through(now), now.replace(minute=0, second=0, microsecond=0))
    found = _check("night", ledger.ledger_check, reached=reached, clears=OPEN_RULES | PAST_RULES)
    LedgerCheck.objects.filter(checked_at__lt=now - CHECKS_KEPT).delete()
    return found


def audited_on(*, day: datetime) -> bool:
    """Whether everything was checked on that day (UTC)."""
    return LedgerCheck.objects.filter(kind="night", checked_at__date=day.astimezone(UTC).date()).exists()


def _check(
    kind: str, look: Callable[[], list[Violation]], *, reached: Checked, clears: Collection[str]
) -> list[Violation]:
    started = time.perf_counter()
    found = look()
    if found:
        # Looked at twice before anybody's requests are stopped: the second time everything is read anew.
        again = look()
        found = [violation for violation in again if violation in found]
    for violation in found:
        _alarm(violation)
    alarms_clear(rules=clears, still=[(violation.rule, violation.subject) for violation in found])
    LedgerCheck.objects.create(
        kind=kind,
        took_ms=round((time.perf_counter() - started) * 1000),
        violations=len(found),
        settlement_id=reached.settlement_id,
        hour=reached.hour,
    )
    return found


def _alarm(violation: Violation) -> None:
    detail = f"The books differ by {violation.difference} ({nanos_to_usd(violation.difference)} dollars, or rows)."
    new = alarm_raise(rule=violation.rule, subject=violation.subject, detail=detail, wallet_id=violation.wallet_id)
    # Once, with the alarm: who looks into it may open the wallet again before the cause is gone.
    if new and violation.wallet_id is not None:
        ledger.wallet_freeze_add(wallet_ids=[violation.wallet_id], reason="books", subject=violation.rule)


def _alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [CHECK_LOCK])
        return bool(cursor.fetchone()[0])


def _last() -> Checked:
    last = LedgerCheck.objects.order_by("-checked_at").first()
    if last is None:
        return Checked(0, timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(days=1))
    return Checked(last.settlement_id, last.hour)


def _settled_through(now: datetime) -> int:
    complete = Settlement.objects.filter(created_at__lt=now - SETTLED_FOR).order_by("-id").first()
    return complete.pk if complete else 0
