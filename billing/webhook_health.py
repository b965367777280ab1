"""Whether a webhook still takes what is posted: one that has not for days is paused, and owners and admins are told."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.audit import audit_record
from accounts.changes import organization_changed
from accounts.selectors import members_list
from billing.alert_models import Alert, AlertDelivery
from billing.webhook_models import Webhook

# Longer than all the tries of one alert take: so it is an alert given up for the second time at least.
PAUSED_AFTER = timedelta(days=3)
TOLD_ROLES = ("owner", "admin")


def webhook_took(*, webhook_id: int) -> None:
    """It answered 2xx: all that failed before is forgotten."""
    Webhook.objects.filter(id=webhook_id).exclude(failing_since=None).update(failing_since=None)


@transaction.atomic
def webhook_failed(*, webhook_id: int, given_up: bool, why: str) -> None:
    """A try failed. When an alert is given up and none was taken for `PAUSED_AFTER`, the webhook is paused."""
    webhook = Webhook.objects.select_for_update().filter(id=webhook_id, disabled_at=None).first()
    if webhook is None:
        return
    now = timezone.now()
    if webhook.failing_since is None:
        webhook.failing_since = now
    elif given_up and now - webhook.failing_since >= PAUSED_AFTER:
        webhook.disabled_at, webhook.disabled_for = now, why[:300]
        waiting_give_up(webhook, "The webhook was paused.")
        _tell(webhook)
    webhook.save(update_fields=["failing_since", "disabled_at", "disabled_for"])


def waiting_give_up(webhook: Webhook, why: str) -> None:
    """What waits for its next try is not tried again."""
    AlertDelivery.objects.filter(webhook=webhook, state="waiting").update(state="given_up", last_error=why)


def _tell(webhook: Webhook) -> None:
    """By the outbox of alerts, whatever the organisation chose to be told: this is about the telling itself."""
    organization_id = webhook.organization_id
    facts = {
        "webhook": webhook.public_id,
        "url": webhook.url,
        "failing_since": webhook.failing_since.isoformat() if webhook.failing_since else "",
        "last_error": webhook.disabled_for,
    }
    alert = Alert.objects.create(organization_id=organization_id, kind="webhook_paused", level=1, facts=facts)
    told = [member.email for member in members_list(organization_id=organization_id) if member.role in TOLD_ROLES]
    AlertDelivery.objects.bulk_create([AlertDelivery(alert=alert, channel="email", target=email) for email in told])
    audit_record(
        organization_id=organization_id,
        user_id=None,
        action="webhook.paused",
        target=webhook.url,
        details={"why": webhook.disabled_for},
    )
    organization_changed(organization_id=organization_id)
