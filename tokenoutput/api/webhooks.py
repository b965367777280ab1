"""Webhooks: where alerts are posted, which of them, what became of each, and what signs them."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import Action
from accounts.selectors import members_list
from billing.webhook_log import (
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
from tokenoutput.api.keyed import KeyedView, body_checked
from tokenoutput.api.once import once
from tokenoutput.api.pages import CURSOR_QUERY, Deleted, link_with, query_checked
from tokenoutput.api.permissions import role_check
from tokenoutput.api.schema import IDEMPOTENCY, operation
from tokenoutput.api.webhook_shapes import (
    EVENTS,
    DeliveriesAnswer,
    DeliveriesAsked,
    WebhookAnswer,
    WebhookAsked,
    WebhookChanged,
    WebhookMadeAnswer,
    WebhookRotationAsked,
    WebhooksAnswer,
    delivery_shape,
    webhook_shape,
)


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
        return Response({"data": webhook_shape(webhook)})


class WebhooksView(_WebhookKeyed):
    """The webhooks."""

    needs = {"GET": "organization:read", "POST": "organization:write"}

    @operation("Alerts", "List webhooks", answer=WebhooksAnswer)
    def get(self, request: Request) -> Response:
        """Every webhook with its last delivery, the oldest first. No secret is shown again."""
        rows = webhooks_list(organization_id=self.caller.organization_id)
        return Response({"data": [webhook_shape(row) for row in rows]})

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
        return Response({"data": webhook_shape(webhook) | {"secret": made.secret}}, status=201)


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

    @operation(
        "Alerts", "Rotate a webhook's secret", answer=WebhookMadeAnswer, body=WebhookRotationAsked, query=[IDEMPOTENCY]
    )
    def post(self, request: Request, id: str) -> Response:
        """A new secret, in this answer alone. It signs every try from now on; the one before signs too for a day,
        or for the grace that is asked for."""
        acting = self.owned(id) | body_checked(request, WebhookRotationAsked)
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
        return Response({"data": [delivery_shape(row) for row in rows[:limit]], "links": {"next": link}})


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
