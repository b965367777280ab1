"""Webhooks: where alerts are posted, which of them, what became of each, and what signs them."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import Action
from accounts.selectors import members_list
from billing.alerts import DeliveryView
from billing.webhook_forms import KIND_NAMES
from billing.webhook_log import (
    WebhookView,
    webhook_deliveries,
    webhook_get,
    webhook_redeliver,
    webhook_test,
    webhooks_list,
)
from billing.webhooks import (
    webhook_create,
    webhook_delete,
    webhook_kinds_set,
    webhook_pause,
    webhook_resume,
    webhook_secret_rotate,
)
from tokenoutput.api.errors import Refused
from tokenoutput.api.figures import Strict, moment
from tokenoutput.api.keyed import KeyedView, body_checked
from tokenoutput.api.once import once
from tokenoutput.api.pages import CURSOR_QUERY, LIMIT_MAX, Deleted, Flowing, link_with, query_checked
from tokenoutput.api.permissions import role_check
from tokenoutput.api.schema import IDEMPOTENCY, operation

# As they are named in what is posted.
EVENTS = [f"alert.{kind}" for kind in KIND_NAMES]
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


class DeliveriesAsked(serializers.Serializer):
    """Which deliveries."""

    cursor = serializers.RegexField(r"\A[0-9]{1,18}\Z", required=False)
    limit = serializers.IntegerField(min_value=1, max_value=LIMIT_MAX, default=LIMIT_MAX)


class _WebhookKeyed(KeyedView):
    """What all of them share: who acts, and on which webhook."""

    def owned(self, public_id: str) -> dict[str, Any]:
        """The arguments of a service."""
        role_check(self.caller, Action.ALERTS_CHANGE)
        return {
            "organization_id": self.caller.organization_id,
            "public_id": public_id,
            "user_id": self.caller.user_id,
        }

    def found(self, public_id: str) -> Response:
        """The webhook as it is now."""
        webhook = webhook_get(organization_id=self.caller.organization_id, public_id=public_id)
        return Response({"data": _webhook(webhook)})


class WebhooksView(_WebhookKeyed):
    """The webhooks."""

    needs = {"GET": "organization:read", "POST": "organization:write"}

    @operation("Alerts", "List webhooks", answer=WebhooksAnswer)
    def get(self, request: Request) -> Response:
        """Every webhook with its last delivery, the oldest first. No secret is shown again."""
        rows = webhooks_list(organization_id=self.caller.organization_id)
        return Response({"data": [_webhook(row) for row in rows]})

    @operation("Alerts", "Make a webhook", answer=WebhookMadeAnswer, status=201, body=WebhookAsked, query=[IDEMPOTENCY])
    def post(self, request: Request) -> Response:
        """Have alerts posted to an address, signed with the secret in this answer. There can be ten."""
        role_check(self.caller, Action.ALERTS_CHANGE)
        asked = body_checked(request, WebhookAsked)
        return once(request, lambda: self._made(asked["url"].strip(), asked.get("events", EVENTS)))

    def _made(self, url: str, events: list[str]) -> Response:
        organization_id = self.caller.organization_id
        made = webhook_create(
            organization_id=organization_id, url=url, kinds=_kinds(events), user_id=self.caller.user_id
        )
        webhook = webhook_get(organization_id=organization_id, public_id=made.id)
        return Response({"data": _webhook(webhook) | {"secret": made.secret}}, status=201)


class WebhookOne(_WebhookKeyed):
    """One webhook."""

    needs = {"GET": "organization:read", "PATCH": "organization:write", "DELETE": "organization:write"}

    @operation("Alerts", "Get a webhook", answer=WebhookAnswer)
    def get(self, request: Request, id: str) -> Response:
        """One webhook, with its last delivery."""
        return self.found(id)

    @operation("Alerts", "Change a webhook", answer=WebhookAnswer, body=WebhookChanged)
    def patch(self, request: Request, id: str) -> Response:
        """Choose what is posted, pause it or resume it; what is not named stays."""
        acting = self.owned(id)
        asked = body_checked(request, WebhookChanged)
        if "events" in asked:
            webhook_kinds_set(**acting, kinds=_kinds(asked["events"]))
        if "paused" in asked:
            (webhook_pause if asked["paused"] else webhook_resume)(**acting)
        return self.found(id)

    @operation("Alerts", "Remove a webhook", answer=Deleted)
    def delete(self, request: Request, id: str) -> Response:
        """Nothing is posted to it any more."""
        webhook_delete(**self.owned(id))
        return Response({"deleted": True})


class WebhookRotation(_WebhookKeyed):
    """The secret of a webhook."""

    needs = {"POST": "organization:write"}

    @operation("Alerts", "Rotate a webhook's secret", answer=WebhookMadeAnswer, query=[IDEMPOTENCY])
    def post(self, request: Request, id: str) -> Response:
        """A new secret, in this answer alone. It signs every try from now on."""
        acting = self.owned(id)
        return once(request, lambda: self._rotated(id, webhook_secret_rotate(**acting)))

    def _rotated(self, public_id: str, secret: str) -> Response:
        response = self.found(public_id)
        response.data["data"]["secret"] = secret
        return response


class WebhookTest(_WebhookKeyed):
    """A test of one webhook."""

    needs = {"POST": "organization:write"}

    @operation("Alerts", "Send a test to a webhook", answer=WebhookAnswer)
    def post(self, request: Request, id: str) -> Response:
        """Post an `alert.test` to this webhook alone: its `last_delivery` tells how it went."""
        self.owned(id)
        members = members_list(organization_id=self.caller.organization_id)
        email = next((member.email for member in members if member.id == self.caller.member_id), "")
        webhook_test(organization_id=self.caller.organization_id, public_id=id, by=email)
        return self.found(id)


class WebhookDeliveries(_WebhookKeyed):
    """What was posted to one webhook."""

    needs = {"GET": "organization:read"}

    @operation("Alerts", "List deliveries", answer=DeliveriesAnswer, query=CURSOR_QUERY)
    def get(self, request: Request, id: str) -> Response:
        """Each alert that was posted to it or waits for that, newest first."""
        asked = query_checked(request, DeliveriesAsked)
        self.found(id)
        limit = asked["limit"]
        rows = webhook_deliveries(
            organization_id=self.caller.organization_id,
            public_id=id,
            before=int(asked["cursor"]) if "cursor" in asked else None,
            limit=limit + 1,
        )
        link = link_with(request, cursor=rows[limit - 1].id) if len(rows) > limit else None
        return Response({"data": [_delivery(row) for row in rows[:limit]], "links": {"next": link}})


class WebhookRedelivery(_WebhookKeyed):
    """A delivery made again."""

    needs = {"POST": "organization:write"}

    @operation("Alerts", "Redeliver", answer=WebhookAnswer)
    def post(self, request: Request, id: str, delivery_id: str) -> Response:
        """Post an alert once more, with the same `event_id`; one that waits for its next try is tried now."""
        self.owned(id)
        if not (delivery_id.isascii() and delivery_id.isdigit() and len(delivery_id) <= 18):
            raise Refused(404, "There is no such delivery.", reason="not_found")
        webhook_redeliver(organization_id=self.caller.organization_id, public_id=id, delivery_id=int(delivery_id))
        return self.found(id)


def _kinds(events: list[str]) -> list[str]:
    return [event.removeprefix("alert.") for event in events]


def _webhook(webhook: WebhookView) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "url": webhook.url,
        "events": [f"alert.{kind}" for kind in webhook.kinds],
        "paused": webhook.paused_at is not None,
        "created_at": moment(webhook.created_at),
        "last_delivery": _delivery(webhook.last) if webhook.last else None,
    }


def _delivery(row: DeliveryView) -> dict[str, Any]:
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
