"""Webhooks as the management API shows and takes them."""

from typing import Any

from rest_framework import serializers

from billing.alerts import DeliveryView
from billing.webhook_forms import KIND_NAMES
from billing.webhook_log import WebhookView
from billing.webhooks import GRACE_SECONDS_MAX
from tokenoutput.api.figures import Strict, moment
from tokenoutput.api.pages import LIMIT_MAX, Flowing

# As they are named in what is posted.
EVENTS = [f"alert.{kind}" for kind in KIND_NAMES]
GRACE_SECONDS = 86_400
STATES = ["waiting", "sent", "given_up"]
_EVENTS_SAID = "Which alerts are posted; a test is posted always."


class Delivery(serializers.Serializer):
    """One alert on its way to one webhook."""

    id = serializers.CharField(help_text="Grows with time.")
    event_id = serializers.CharField(help_text="The `id` of what is posted, and `TokenOutput-Event`.")
    type = serializers.CharField()
    state = serializers.ChoiceField(choices=STATES)
    attempts = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    last_error = serializers.CharField(help_text="Empty where the last try was fine.")


class Webhook(serializers.Serializer):
    """Where alerts are posted."""

    id = serializers.CharField()
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.ChoiceField(choices=EVENTS), help_text=_EVENTS_SAID)
    paused = serializers.BooleanField()
    paused_at = serializers.DateTimeField(allow_null=True)
    paused_for = serializers.CharField(
        allow_null=True, help_text="The last error, where it was paused by itself: it took nothing for three days."
    )
    failing_since = serializers.DateTimeField(
        allow_null=True, help_text="The first try that failed since one was taken; null while all is well."
    )
    previous_secret_until = serializers.DateTimeField(
        allow_null=True, help_text="Until then the secret before this one signs too."
    )
    created_at = serializers.DateTimeField()
    last_delivery = Delivery(allow_null=True)


class WebhookMade(Webhook):
    """A webhook with its secret, which is shown this once."""

    secret = serializers.CharField(help_text="Signs each request: `TokenOutput-Signature`.")


class WebhooksAnswer(serializers.Serializer):
    """The webhooks, the oldest first."""

    data = Webhook(many=True)


class WebhookAnswer(serializers.Serializer):
    """One webhook."""

    data = Webhook()


class WebhookMadeAnswer(serializers.Serializer):
    """A webhook with a new secret."""

    data = WebhookMade()


class DeliveriesAnswer(Flowing):
    """Deliveries, newest first."""

    data = Delivery(many=True)


class WebhookAsked(Strict):
    """Where to, and what."""

    url = serializers.CharField(max_length=500, help_text="A public https address. It cannot be changed later.")
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=EVENTS), min_length=1, max_length=len(EVENTS), required=False,
        help_text=f"{_EVENTS_SAID} All, where this is left out.",
    )  # fmt: skip


class WebhookChanged(Strict):
    """What to change; what is not named stays."""

    events = serializers.ListField(
        child=serializers.ChoiceField(choices=EVENTS), min_length=1, max_length=len(EVENTS), required=False
    )
    paused = serializers.BooleanField(required=False, help_text="Nothing is posted while it is, nor later.")


class WebhookRotationAsked(Strict):
    """How long the secret before signs beside the new one."""

    grace_seconds = serializers.IntegerField(default=GRACE_SECONDS, min_value=0, max_value=GRACE_SECONDS_MAX)


class DeliveriesAsked(serializers.Serializer):
    """Which deliveries."""

    cursor = serializers.RegexField(r"\A[0-9]{1,18}\Z", required=False)
    limit = serializers.IntegerField(min_value=1, max_value=LIMIT_MAX, default=LIMIT_MAX)


def webhook_shape(webhook: WebhookView) -> dict[str, Any]:
    """A webhook with its last delivery."""
    return {
        "id": webhook.id,
        "url": webhook.url,
        "events": [f"alert.{kind}" for kind in webhook.kinds],
        "paused": webhook.paused_at is not None,
        "paused_at": moment(webhook.paused_at),
        "paused_for": webhook.paused_for or None,
        "failing_since": moment(webhook.failing_since),
        "previous_secret_until": moment(webhook.previous_until),
        "created_at": moment(webhook.created_at),
        "last_delivery": delivery_shape(webhook.last) if webhook.last else None,
    }


def delivery_shape(row: DeliveryView) -> dict[str, Any]:
    """One line of the log."""
    return {
        "id": str(row.id),
        "event_id": f"alert_{row.alert_id}",
        "type": f"alert.{row.kind}",
        "state": row.state,
        "attempts": row.attempts,
        "created_at": moment(row.created_at),
        "next_attempt_at": moment(row.due_at) if row.state == "waiting" else None,
        "delivered_at": moment(row.sent_at),
        "last_error": row.last_error,
    }
