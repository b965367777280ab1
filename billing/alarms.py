"""Alarms for staff: one open row a cause, a log line at error level, and a mail to ADMINS."""

from collections.abc import Collection

import structlog
from django.conf import settings
from django.core.mail import mail_admins
from django.db import transaction
from django.utils import timezone

from billing.alarm_models import Alarm

log = structlog.get_logger(__name__)
MAILED_MAX = 50


def alarm_raise(*, rule: str, subject: str, detail: str, wallet_id: int | None = None) -> bool:
    """Open an alarm, or note that it is still so; whether it is new."""
    now = timezone.now()
    row = Alarm(rule=rule, subject=subject[:200], detail=detail[:300], wallet_id=wallet_id, first_seen_at=now)
    still = Alarm.objects.filter(rule=rule, subject=row.subject, cleared_at=None)
    if still.update(last_seen_at=now, detail=row.detail):
        return False
    # A second process may be as fast: the index lets one of them through.
    Alarm.objects.bulk_create([row], ignore_conflicts=True)
    if not still.filter(first_seen_at=now).exists():
        return False
    log.error("alarm", rule=rule, subject=subject, detail=detail, wallet_id=wallet_id)
    return True


def alarms_clear(*, rules: Collection[str], still: Collection[tuple[str, str]] = ()) -> int:
    """Close what a look at these rules no longer finds; `still` are the (rule, subject) that it found."""
    cleared = 0
    for alarm in Alarm.objects.filter(cleared_at=None, rule__in=rules):
        if (alarm.rule, alarm.subject) not in {(rule, subject[:200]) for rule, subject in still}:
            cleared += Alarm.objects.filter(id=alarm.id, cleared_at=None).update(cleared_at=timezone.now())
            log.warning("alarm_cleared", rule=alarm.rule, subject=alarm.subject)
    return cleared


@transaction.atomic
def alarms_mail() -> int:
    """Mail the alarms that no mail told of yet, all in one; how many. One that fails is tried with the next check."""
    waiting = Alarm.objects.select_for_update(skip_locked=True).filter(mailed_at=None, cleared_at=None)
    alarms = list(waiting.order_by("id")[:MAILED_MAX]) if settings.ADMINS else []
    if not alarms:
        return 0
    lines = [f"{alarm.rule}: {alarm.subject}\n  {alarm.detail}" for alarm in alarms]
    if any(alarm.wallet_id for alarm in alarms):
        lines.append("Wallets concerned are frozen until a person opens them in the admin.")
    lines.append(f"{settings.SITE_URL}/admin/billing/alarm/")
    Alarm.objects.filter(id__in=[alarm.id for alarm in alarms]).update(mailed_at=timezone.now())
    mail_admins(f"{len(alarms)} new alarms: {alarms[0].rule}", "\n\n".join(lines))
    return len(alarms)
