"""Alerts: what is told, and to whom."""

from dataclasses import asdict, replace
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import Action
from accounts.selectors import members_list
from billing.alert_forms import AMOUNT_MAX_NANOS
from billing.alert_models import RECIPIENTS_MAX
from billing.alert_recipients import recipients_waiting
from billing.alert_settings import ROLES, AlertChoices, alert_choices_get, alert_choices_set
from billing.alerts import alert_test
from billing.amounts import CENT_NANOS
from tokenoutput.api.figures import Strict, UsdField, usd
from tokenoutput.api.keyed import KeyedView, body_checked
from tokenoutput.api.permissions import role_check
from tokenoutput.api.schema import operation


def _amount(help_text: str) -> UsdField:
    return UsdField(least_nanos=CENT_NANOS, most_nanos=AMOUNT_MAX_NANOS, places=2, help_text=help_text, required=False)


class Alerts(serializers.Serializer):
    """What is told, and to whom."""

    low_balance = serializers.BooleanField()
    low_balance_usd = serializers.CharField(
        help_text="Told below this, again when it lasts less than a day, and when it is used up."
    )
    spending_limit = serializers.BooleanField(help_text="At 80 % of a limit or budget, and when it is reached.")
    topup_failed = serializers.BooleanField()
    unusual_spend = serializers.BooleanField(help_text="An hour that costs far more than the average of 7 days.")
    unusual_factor = serializers.IntegerField()
    unusual_floor_usd = serializers.CharField()
    roles = serializers.ListField(child=serializers.ChoiceField(choices=ROLES))
    recipients = serializers.ListField(child=serializers.CharField(), help_text="Further e-mail addresses.")
    recipients_unconfirmed = serializers.ListField(
        child=serializers.CharField(), help_text="Those of them that get nothing yet: each has a mail with a link."
    )
    recipients_unsubscribed = serializers.ListField(
        child=serializers.CharField(),
        help_text="Those that ended them, by the link of a mail.",
    )


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


class AlertsView(KeyedView):
    """Alerts."""

    needs = {"GET": "organization:read", "PUT": "organization:write"}

    @operation("Alerts", "Get alerts", answer=AlertsAnswer)
    def get(self, request: Request) -> Response:
        """What is told, and to whom."""
        organization_id = self.caller.organization_id
        choices = alert_choices_get(organization_id=organization_id)
        waiting = recipients_waiting(organization_id=organization_id, emails=choices.recipients)
        silent: dict[str, list[str]] = {"recipients_unconfirmed": [], "recipients_unsubscribed": []}
        for one in waiting:
            name = "recipients_unsubscribed" if one.state == "unsubscribed" else "recipients_unconfirmed"
            silent[name].append(one.email)
        return Response({"data": _alerts(choices) | silent})

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
        alert_choices_set(
            organization_id=self.caller.organization_id,
            choices=replace(alert_choices_get(organization_id=self.caller.organization_id), **changed),
            user_id=self.caller.user_id,
        )
        return self.get(request)


class AlertsTest(KeyedView):
    """A test of the alerts."""

    needs = {"POST": "organization:write"}

    @operation("Alerts", "Send a test alert", answer=TestedAnswer)
    def post(self, request: Request) -> Response:
        """Send a test to everybody who would be told, and to every webhook."""
        role_check(self.caller, Action.ALERTS_CHANGE)
        members = members_list(organization_id=self.caller.organization_id)
        email = next((member.email for member in members if member.id == self.caller.member_id), "")
        count = alert_test(organization_id=self.caller.organization_id, by=email)
        return Response({"data": {"addresses": count}})


def _alerts(choices: AlertChoices) -> dict[str, Any]:
    figures = asdict(choices)
    return figures | {
        "low_balance_usd": usd(figures.pop("low_balance_nanos")),
        "unusual_floor_usd": usd(figures.pop("unusual_floor_nanos")),
        "spending_limit": figures.pop("key_limit"),
        "roles": list(choices.roles),
        "recipients": list(choices.recipients),
    }
