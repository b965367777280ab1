"""Alerts and their webhook: what is told, to whom, and where it is posted."""

from dataclasses import asdict, replace
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import Action
from accounts.selectors import members_list
from billing.alert_forms import AMOUNT_MAX_NANOS
from billing.alert_models import RECIPIENTS_MAX
from billing.alert_settings import ROLES, AlertChoices, alert_choices_get, alert_choices_set, alert_secret_new
from billing.alerts import alert_test
from billing.amounts import CENT_NANOS
from tokenoutput.api.errors import Refused
from tokenoutput.api.figures import Strict, UsdField, usd
from tokenoutput.api.keyed import KeyedView, body_checked
from tokenoutput.api.once import once
from tokenoutput.api.pages import Deleted
from tokenoutput.api.permissions import role_check
from tokenoutput.api.schema import IDEMPOTENCY, operation

# There is one webhook, and this is its id.
WEBHOOK_ID = "alerts"


def _amount(help_text: str) -> UsdField:
    return UsdField(least_nanos=CENT_NANOS, most_nanos=AMOUNT_MAX_NANOS, places=2, help_text=help_text, required=False)


class Alerts(serializers.Serializer):
    """What is told, and to whom."""

    low_balance = serializers.BooleanField()
    low_balance_usd = serializers.CharField(help_text="Told below this, and again when it is used up.")
    spending_limit = serializers.BooleanField(help_text="At 80 % of a limit or budget, and when it is reached.")
    topup_failed = serializers.BooleanField()
    unusual_spend = serializers.BooleanField(help_text="An hour that costs far more than the average of 7 days.")
    unusual_factor = serializers.IntegerField()
    unusual_floor_usd = serializers.CharField()
    roles = serializers.ListField(child=serializers.ChoiceField(choices=ROLES))
    recipients = serializers.ListField(child=serializers.CharField(), help_text="Further e-mail addresses.")


class AlertsAnswer(serializers.Serializer):
    """What is told, and to whom."""

    data = Alerts()


class AlertsAsked(Strict):
    """What to change; what is not named stays."""

    low_balance = serializers.BooleanField(required=False)
    low_balance_usd = _amount("Told below this.")
    spending_limit = serializers.BooleanField(required=False)
    topup_failed = serializers.BooleanField(required=False)
    unusual_spend = serializers.BooleanField(required=False)
    unusual_factor = serializers.ChoiceField(choices=[3, 5, 10, 25], required=False)
    unusual_floor_usd = _amount("Told above this.")
    roles = serializers.ListField(child=serializers.ChoiceField(choices=ROLES), max_length=len(ROLES), required=False)
    recipients = serializers.ListField(child=serializers.EmailField(), max_length=RECIPIENTS_MAX, required=False)


class Tested(serializers.Serializer):
    """To how many addresses a test is on its way."""

    addresses = serializers.IntegerField()


class TestedAnswer(serializers.Serializer):
    """A test."""

    data = Tested()


class Webhook(serializers.Serializer):
    """Where alerts are posted."""

    id = serializers.CharField()
    url = serializers.CharField()


class WebhookMade(Webhook):
    """A webhook with its secret, which is shown this once."""

    secret = serializers.CharField(help_text="Signs each request: `TokenOutput-Signature`.")


class WebhooksAnswer(serializers.Serializer):
    """The webhook, if there is one."""

    data = Webhook(many=True)


class WebhookMadeAnswer(serializers.Serializer):
    """A webhook just made."""

    data = WebhookMade()


class WebhookAsked(Strict):
    """Where to."""

    url = serializers.CharField(max_length=500, help_text="A public https address.")


class AlertsView(KeyedView):
    """Alerts."""

    needs = {"GET": "organization:read", "PUT": "organization:write"}

    @operation("Alerts", "Get alerts", answer=AlertsAnswer)
    def get(self, request: Request) -> Response:
        """What is told, and to whom."""
        return Response({"data": _alerts(alert_choices_get(organization_id=self.caller.organization_id))})

    @operation("Alerts", "Change alerts", answer=AlertsAnswer, body=AlertsAsked)
    def put(self, request: Request) -> Response:
        """Change what is named; the rest stays as it is."""
        role_check(self.caller, Action.ALERTS_CHANGE)
        asked = body_checked(request, AlertsAsked)
        names = {
            "low_balance_usd": "low_balance_nanos",
            "unusual_floor_usd": "unusual_floor_nanos",
            "spending_limit": "key_limit",
        }
        changed = {names.get(name, name): value for name, value in asked.items()}
        _save(self, replace(alert_choices_get(organization_id=self.caller.organization_id), **changed))
        return self.get(request)


class AlertsTest(KeyedView):
    """A test of the alerts."""

    needs = {"POST": "organization:write"}

    @operation("Alerts", "Send a test alert", answer=TestedAnswer)
    def post(self, request: Request) -> Response:
        """Send a test to everybody who would be told, and to the webhook."""
        role_check(self.caller, Action.ALERTS_CHANGE)
        members = members_list(organization_id=self.caller.organization_id)
        email = next((member.email for member in members if member.id == self.caller.member_id), "")
        count = alert_test(organization_id=self.caller.organization_id, by=email)
        return Response({"data": {"addresses": count}})


class WebhooksView(KeyedView):
    """The webhook of the alerts."""

    needs = {"GET": "organization:read", "POST": "organization:write"}

    @operation("Alerts", "List webhooks", answer=WebhooksAnswer)
    def get(self, request: Request) -> Response:
        """The webhook, if there is one. Its secret is not shown again."""
        url = alert_choices_get(organization_id=self.caller.organization_id).webhook_url
        return Response({"data": [{"id": WEBHOOK_ID, "url": url}] if url else []})

    @operation("Alerts", "Make a webhook", answer=WebhookMadeAnswer, status=201, body=WebhookAsked, query=[IDEMPOTENCY])
    def post(self, request: Request) -> Response:
        """Have alerts posted to an address, signed with the secret in this answer. There can be one."""
        role_check(self.caller, Action.ALERTS_CHANGE)
        asked = body_checked(request, WebhookAsked)
        return once(request, lambda: self._made(asked["url"].strip()))

    def _made(self, url: str) -> Response:
        choices = alert_choices_get(organization_id=self.caller.organization_id)
        if choices.webhook_url:
            raise Refused(409, "There is a webhook already: remove it first.", reason="conflict")
        secret = _save(self, replace(choices, webhook_url=url))
        # A webhook that was there before left its secret: whoever makes one anew is to know theirs.
        secret = secret or alert_secret_new(organization_id=self.caller.organization_id, user_id=self.caller.user_id)
        return Response({"data": {"id": WEBHOOK_ID, "url": url, "secret": secret}}, status=201)


class WebhookOne(KeyedView):
    """One webhook."""

    needs = {"DELETE": "organization:write"}

    @operation("Alerts", "Remove a webhook", answer=Deleted)
    def delete(self, request: Request, id: str) -> Response:
        """Nothing is posted to it any more."""
        role_check(self.caller, Action.ALERTS_CHANGE)
        choices = alert_choices_get(organization_id=self.caller.organization_id)
        if id != WEBHOOK_ID or not choices.webhook_url:
            raise Refused(404, "There is no such webhook.", reason="not_found")
        _save(self, replace(choices, webhook_url=""))
        return Response({"deleted": True})


def _save(view: KeyedView, choices: AlertChoices) -> str | None:
    return alert_choices_set(organization_id=view.caller.organization_id, choices=choices, user_id=view.caller.user_id)


def _alerts(choices: AlertChoices) -> dict[str, Any]:
    figures = asdict(choices)
    del figures["webhook_url"]
    return figures | {
        "low_balance_usd": usd(figures.pop("low_balance_nanos")),
        "unusual_floor_usd": usd(figures.pop("unusual_floor_nanos")),
        "spending_limit": figures.pop("key_limit"),
        "roles": list(choices.roles),
        "recipients": list(choices.recipients),
    }
