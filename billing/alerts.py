"""Alerts: said once when something gets worse, and again only after it was well in between."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db import transaction
from django.utils import timezone

from accounts.changes import organization_changed
from accounts.selectors import members_list
from billing.alert_models import Alert, AlertDelivery, AlertSettings, AlertWatch
from billing.alert_recipients import recipients_confirmed
from billing.webhook_models import Webhook
from catalog.money import nanos_to_usd

AlertKind = Literal["low_balance", "key_limit", "topup_failed", "unusual_spend", "test"]
# What an alert says, as text: it goes into e-mails and webhooks as it is.
Facts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One line of the log: what was said to whom, when, and whether it arrived."""

    id: int
    alert_id: int
    kind: str
    level: int
    facts: Facts
    created_at: datetime
    channel: str
    target: str
    state: str
    attempts: int
    sent_at: datetime | None
    due_at: datetime
    last_error: str


def topup_failed(*, organization_id: int, amount_nanos: int, reason: str, switched_off: bool) -> bool:
    """An automatic top-up failed. Said once, again when it was switched off for it; whether it was said now.

    Call `topup_recovered` after one that worked.
    """
    facts = {
        "amount_usd": nanos_to_usd(amount_nanos),
        "reason": reason[:200],
        "auto_topup": "off" if switched_off else "on",
    }
    return alert_raise(
        organization_id=organization_id, kind="topup_failed", level=2 if switched_off else 1, facts=facts
    )


def topup_recovered(*, organization_id: int) -> None:
    """An automatic top-up worked, or was set up anew: the next failure is said again."""
    alert_settle(organization_id=organization_id, kind="topup_failed", level=0)


@transaction.atomic
def alert_raise(*, organization_id: int, kind: AlertKind, subject: str = "", level: int, facts: Facts) -> bool:
    """Say it, unless it was as bad before; whether it was said now. Safe from several processes at once."""
    AlertWatch.objects.bulk_create(
        [AlertWatch(organization_id=organization_id, kind=kind, subject=subject)], ignore_conflicts=True
    )
    # One conditional UPDATE decides who of many says it.
    watch = AlertWatch.objects.filter(organization_id=organization_id, kind=kind, subject=subject, level__lt=level)
    if not watch.update(level=level, changed_at=timezone.now()):
        return False
    settings = settings_row(organization_id=organization_id)
    if not getattr(settings, kind):
        return False
    _alert_create(settings, kind=kind, level=level, facts=facts)
    return True


def alert_settle(*, organization_id: int, kind: AlertKind, subject: str = "", level: int) -> None:
    """It got better, down to `level`; 0 arms it again. Also the way to arm what has never been looked at."""
    AlertWatch.objects.bulk_create(
        [AlertWatch(organization_id=organization_id, kind=kind, subject=subject)], ignore_conflicts=True
    )
    watch = AlertWatch.objects.filter(organization_id=organization_id, kind=kind, subject=subject, level__gt=level)
    watch.update(level=level, changed_at=timezone.now())


def alert_pass_over(*, organization_id: int, kind: AlertKind, subject: str = "", level: int) -> None:
    """It got worse, up to `level`, and another alert says so: keep that, and say nothing."""
    AlertWatch.objects.bulk_create(
        [AlertWatch(organization_id=organization_id, kind=kind, subject=subject)], ignore_conflicts=True
    )
    watch = AlertWatch.objects.filter(organization_id=organization_id, kind=kind, subject=subject, level__lt=level)
    watch.update(level=level, changed_at=timezone.now())


@transaction.atomic
def alert_test(*, organization_id: int, by: str) -> int:
    """Send a test to everybody who would be told; to how many addresses."""
    return _alert_create(settings_row(organization_id=organization_id), kind="test", level=0, facts={"asked_by": by})


def deliveries_list(*, organization_id: int, limit: int = 20) -> list[DeliveryView]:
    """The newest deliveries, waiting ones among them."""
    rows = AlertDelivery.objects.filter(alert__organization_id=organization_id).select_related("alert")
    return [delivery_view(row) for row in rows.order_by("-id")[:limit]]


def delivery_view(row: AlertDelivery) -> DeliveryView:
    """A delivery as others may know it."""
    return DeliveryView(
        id=row.id,
        alert_id=row.alert_id,
        kind=row.alert.kind,
        level=row.alert.level,
        facts=row.alert.facts,
        created_at=row.alert.created_at,
        channel=row.channel,
        target=row.target,
        state=row.state,
        attempts=row.attempts,
        sent_at=row.sent_at,
        due_at=row.due_at,
        last_error=row.last_error,
    )


def settings_row(*, organization_id: int) -> AlertSettings:
    """The organisation's settings, or the default ones, not saved."""
    found = AlertSettings.objects.filter(organization_id=organization_id).first()
    return found or AlertSettings(organization_id=organization_id)


def _alert_create(settings: AlertSettings, *, kind: AlertKind, level: int, facts: Facts) -> int:
    organization_changed(organization_id=settings.organization_id)
    members = members_list(organization_id=settings.organization_id)
    addresses = dict.fromkeys([member.email for member in members if member.role in settings.roles])
    addresses |= dict.fromkeys(
        recipients_confirmed(organization_id=settings.organization_id, emails=settings.recipients)
    )
    active = Webhook.objects.filter(organization_id=settings.organization_id, disabled_at=None).order_by("id")
    webhooks = [webhook for webhook in active if kind == "test" or kind in webhook.kinds]
    alert = Alert.objects.create(organization_id=settings.organization_id, kind=kind, level=level, facts=dict(facts))
    deliveries = [AlertDelivery(alert=alert, channel="email", target=address) for address in addresses]
    deliveries += [
        AlertDelivery(alert=alert, channel="webhook", target=webhook.url, webhook=webhook) for webhook in webhooks
    ]
    AlertDelivery.objects.bulk_create(deliveries)
    return len(deliveries)
