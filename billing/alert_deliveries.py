"""The outbox of alerts: one row at a time is claimed, sent, and marked. Safe with two workers and after a crash."""

import json
import smtplib
import time
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from billing.alert_mail import alert_mail
from billing.alert_models import AlertDelivery
from billing.alert_texts import alert_text
from billing.webhook_health import webhook_failed, webhook_took
from billing.webhook_models import Webhook
from billing.webhook_post import WebhookFailed, webhook_post, webhook_signature
from catalog.encryption import SecretUnreadable

log = structlog.get_logger(__name__)
# Pauses after each try; the first is longer than a try can take, so that a claim outlives its worker's work.
PAUSES_SECONDS = (60, 300, 1800, 7200, 21600, 86400)
SWEEP_SECONDS = 20.0


def alerts_deliver() -> int:
    """Send what is due, for some seconds; how many were sent."""
    until, sent = time.monotonic() + SWEEP_SECONDS, 0
    while time.monotonic() < until and (delivery := _claim()) is not None:
        sent += _deliver(delivery)
    return sent


@transaction.atomic
def _claim() -> AlertDelivery | None:
    """The row that is due longest, put off to its next try: should this process die, that is when it comes again.

    Mails go first: a webhook whose server is slow, or ten of them, hold up nobody's mail.
    """
    due = AlertDelivery.objects.filter(state="waiting", due_at__lte=timezone.now()).order_by("channel", "due_at")
    delivery = due.select_for_update(skip_locked=True).first()
    if delivery is None:
        return None
    pause = PAUSES_SECONDS[min(delivery.attempts, len(PAUSES_SECONDS) - 1)]
    delivery.attempts += 1
    delivery.due_at = timezone.now() + timedelta(seconds=pause)
    delivery.save(update_fields=["attempts", "due_at"])
    return delivery


def _deliver(delivery: AlertDelivery) -> bool:
    try:
        alert_mail(delivery).send() if delivery.channel == "email" else _webhook(delivery)
    except (WebhookFailed, OSError, smtplib.SMTPException, SecretUnreadable) as error:
        over, why = delivery.attempts > len(PAUSES_SECONDS), str(error)[:300] or type(error).__name__
        AlertDelivery.objects.filter(id=delivery.id, state="waiting").update(
            state="given_up" if over else "waiting", last_error=why
        )
        if delivery.webhook_id and isinstance(error, WebhookFailed):
            webhook_failed(webhook_id=delivery.webhook_id, given_up=over, why=why)
        log.warning("alert_not_delivered", delivery=delivery.id, channel=delivery.channel, given_up=over)
        return False
    AlertDelivery.objects.filter(id=delivery.id).update(state="sent", sent_at=timezone.now(), last_error="")
    if delivery.webhook_id:
        webhook_took(webhook_id=delivery.webhook_id)
    return True


def _webhook(delivery: AlertDelivery) -> None:
    alert = delivery.alert
    webhook = delivery.webhook
    if webhook is None or webhook.disabled_at is not None:
        raise WebhookFailed("The webhook was paused or removed.")
    body = _body(delivery)
    signature = webhook_signature(secrets=_secrets(webhook), timestamp=_seconds(timezone.now()), body=body)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "TokenOutput-Webhook/1",
        "TokenOutput-Signature": signature,
        "TokenOutput-Event": f"alert_{alert.id}",
        "Connection": "close",
    }
    webhook_post(url=delivery.target, body=body, headers=headers, loopback_allowed=settings.DEBUG)


def _secrets(webhook: Webhook) -> list[str]:
    """What signs now, the newest first."""
    in_grace = webhook.previous_until is not None and webhook.previous_until > timezone.now()
    return [webhook.secret.reveal(), *([webhook.previous_secret.reveal()] if in_grace else [])]


def _body(delivery: AlertDelivery) -> bytes:
    alert = delivery.alert
    text = alert_text(kind=alert.kind, level=alert.level, facts=alert.facts)
    event = {
        "id": f"alert_{alert.id}",
        "type": f"alert.{alert.kind}",
        "created_at": alert.created_at.isoformat(),
        "organization": {"slug": alert.organization.slug, "name": alert.organization.name},
        "level": alert.level,
        "message": f"{text.title}. {text.body}",
        "facts": alert.facts,
    }
    return json.dumps(event, ensure_ascii=False).encode()


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
