"""What webhooks are and what was posted to them, to look at; a test, and a delivery made again."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.alert_models import Alert, AlertDelivery
from billing.alerts import DeliveryView, delivery_view
from billing.webhook_models import Webhook
from billing.webhooks import WebhookNotFound, WebhookRefused, webhook_locked


@dataclass(frozen=True, slots=True)
class WebhookView:
    """A webhook without its secrets; `last`: the newest delivery to it.

    `paused_for`: the error of one that was paused by itself. `failing_since`: no try was taken since.
    `previous_until`: the secret before this one signs too until then.
    """

    id: str
    url: str
    kinds: tuple[str, ...]
    created_at: datetime
    created_by: str | None
    paused_at: datetime | None
    paused_for: str
    failing_since: datetime | None
    previous_until: datetime | None
    last: DeliveryView | None

    @property
    def host(self) -> str:
        """What it is called where its whole address would be too long."""
        return host_of(self.url)


def host_of(url: str) -> str:
    """The part of an address that names who answers there."""
    return url.partition("://")[2].partition("/")[0].partition("?")[0]


def webhooks_list(*, organization_id: int) -> list[WebhookView]:
    """The organisation's webhooks, the oldest first. Two queries."""
    newest = AlertDelivery.objects.filter(webhook=OuterRef("id")).order_by("-id").values("id")[:1]
    rows = list(
        Webhook.objects.filter(organization_id=organization_id)
        .select_related("created_by")
        .annotate(last_id=Subquery(newest))
        .order_by("id")
    )
    last = AlertDelivery.objects.filter(id__in=[row.last_id for row in rows if row.last_id]).select_related("alert")
    now = timezone.now()
    by_webhook = {delivery.webhook_id: delivery_view(delivery) for delivery in last}
    return [
        WebhookView(
            id=row.public_id,
            url=row.url,
            kinds=tuple(row.kinds),
            created_at=row.created_at,
            created_by=row.created_by.email if row.created_by else None,
            paused_at=row.disabled_at,
            paused_for=row.disabled_for,
            failing_since=row.failing_since,
            previous_until=row.previous_until if row.previous_until and row.previous_until > now else None,
            last=by_webhook.get(row.id),
        )
        for row in rows
    ]


def webhook_get(*, organization_id: int, public_id: str) -> WebhookView:
    """One of them; `WebhookNotFound` where it is none of theirs."""
    for webhook in webhooks_list(organization_id=organization_id):
        if webhook.id == public_id:
            return webhook
    raise WebhookNotFound(_("There is no such webhook."))


def webhook_deliveries(
    *, organization_id: int, public_id: str, before: int | None = None, limit: int = 20
) -> list[DeliveryView]:
    """What was posted to it, the newest first, or the next older than the delivery `before`."""
    rows = AlertDelivery.objects.filter(
        webhook__organization_id=organization_id, webhook__public_id=public_id
    ).select_related("alert")
    if before is not None:
        rows = rows.filter(id__lt=before)
    return [delivery_view(row) for row in rows.order_by("-id")[:limit]]


@transaction.atomic
def webhook_test(*, organization_id: int, public_id: str, by: str) -> None:
    """Send a test to this webhook alone. One that has not gone out yet is enough."""
    webhook = _active(organization_id, public_id)
    waiting = AlertDelivery.objects.filter(webhook=webhook, alert__kind="test", state="waiting", attempts=0)
    if waiting.exists():
        return
    alert = Alert.objects.create(organization_id=organization_id, kind="test", level=0, facts={"asked_by": by})
    AlertDelivery.objects.create(alert=alert, channel="webhook", target=webhook.url, webhook=webhook)


@transaction.atomic
def webhook_redeliver(*, organization_id: int, public_id: str, delivery_id: int) -> None:
    """Post it again, with the same event id; what waits for its next try is tried now."""
    webhook = _active(organization_id, public_id)
    delivery = AlertDelivery.objects.filter(webhook=webhook, id=delivery_id).first()
    if delivery is None:
        raise WebhookNotFound(_("There is no such delivery."))
    same = AlertDelivery.objects.filter(webhook=webhook, alert_id=delivery.alert_id)
    if not same.filter(state="waiting").update(due_at=timezone.now()):
        AlertDelivery.objects.create(alert_id=delivery.alert_id, channel="webhook", target=webhook.url, webhook=webhook)


def _active(organization_id: int, public_id: str) -> Webhook:
    webhook = webhook_locked(organization_id=organization_id, public_id=public_id)
    if webhook.disabled_at is not None:
        raise WebhookRefused(_("The webhook is paused: resume it first."))
    return webhook
