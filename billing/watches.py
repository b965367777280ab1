"""What waits too long: settlement, the reaper, notices of Stripe. Looked at each minute; each alarms, and clears."""

from datetime import timedelta

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from billing.alarms import alarm_raise, alarms_clear
from billing.models import StripeEvent

UNSETTLED_SECONDS_MAX = 300.0
# Beyond the end of its lease or its own; the reaper comes after 15 seconds, and looks every 5.
ORPHANED_SECONDS_MAX = 120.0
# Stripe may be away for a while. What was given up stays an alarm for some days.
NOTICE_WAITS = timedelta(hours=1)
NOTICE_FAILED = timedelta(days=3)

_UNSETTLED = """
    SELECT extract(epoch FROM ledger_now() - u.created_at) FROM usage_record u WHERE u.settlement_id IS NULL
     ORDER BY u.day, u.id LIMIT 1"""
# An outage of the database counts for nobody: see hold_orphaned.
_ORPHANED = """
    SELECT extract(epoch FROM ledger_now() - min(
             greatest(least(h.expires_at, coalesce(g.leased_until, '-infinity')), pg_postmaster_start_time())))
      FROM hold h LEFT JOIN gateway_lease g ON g.id = h.lease_id"""


def waiting_watch() -> None:
    """Raise and clear the alarms about what waits."""
    _watch("settlement_lag", _UNSETTLED, UNSETTLED_SECONDS_MAX, "A usage record has waited for {:.0f} s.")
    _watch("reap_lag", _ORPHANED, ORPHANED_SECONDS_MAX, "A dead gateway's hold should have ended {:.0f} s ago.")
    _watch_notices()


def _watch(rule: str, query: str, seconds_max: float, detail: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query)
        row = cursor.fetchone()
    seconds = row[0] if row else None
    if seconds is not None and seconds > seconds_max:
        alarm_raise(rule=rule, subject="all", detail=detail.format(seconds))
    else:
        alarms_clear(rules=[rule])


def _watch_notices() -> None:
    now = timezone.now()
    late = Q(status="new", received_at__lt=now - NOTICE_WAITS)
    given_up = Q(status="failed", received_at__gt=now - NOTICE_FAILED)
    stuck = StripeEvent.objects.filter(late | given_up).order_by("received_at")
    oldest = stuck.first()
    if oldest:
        detail = f"{stuck.count()} notices of Stripe are not worked off; the oldest is {oldest.pk} ({oldest.type})."
        alarm_raise(rule="stripe_notice", subject="all", detail=detail)
    else:
        alarms_clear(rules=["stripe_notice"])
