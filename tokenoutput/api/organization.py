"""The organisation of a key, and whom its receipts are made out to."""

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.db import transaction
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.names import NAME_LENGTH_MAX
from accounts.roles import Action
from accounts.selectors import organization_ref
from accounts.services import organization_rename
from billing.billing_details import LENGTHS, DetailsRefused, details_clean
from billing.profile_models import RECIPIENTS_MAX
from billing.profiles import profile_get, profile_set
from tokenoutput.api.figures import Strict
from tokenoutput.api.keyed import KeyedView, body_checked
from tokenoutput.api.permissions import role_check
from tokenoutput.api.schema import operation

_RECIPIENTS_HELP = "Who else gets receipts, by mail."


class Profile(serializers.Serializer):
    """Whom receipts are made out to. What nobody gave is empty."""

    name = serializers.CharField(help_text="Of the company.")
    line1 = serializers.CharField()
    line2 = serializers.CharField()
    city = serializers.CharField()
    region = serializers.CharField(help_text="State or province.")
    postal_code = serializers.CharField()
    country = serializers.CharField(help_text="ISO 3166-1, two letters.")
    tax_id = serializers.CharField()
    recipients = serializers.ListField(child=serializers.EmailField(), help_text=_RECIPIENTS_HELP)


class Organization(serializers.Serializer):
    """An organisation."""

    id = serializers.CharField(help_text="Its slug, which never changes.")
    name = serializers.CharField()
    url = serializers.CharField(help_text="Its dashboard.")
    billing_profile = Profile()


class OrganizationAnswer(serializers.Serializer):
    """The organisation of the key."""

    data = Organization()


def _text(name: str) -> serializers.CharField:
    return serializers.CharField(max_length=LENGTHS[name], required=False, allow_blank=True)


class ProfileAsked(Strict):
    """What is left out stays; what is empty is taken away."""

    name = _text("name")
    line1 = _text("line1")
    line2 = _text("line2")
    city = _text("city")
    region = _text("region")
    postal_code = _text("postal_code")
    country = _text("country")
    tax_id = _text("tax_id")
    recipients = serializers.ListField(
        child=serializers.EmailField(), max_length=RECIPIENTS_MAX, required=False, help_text=_RECIPIENTS_HELP
    )


class OrganizationAsked(Strict):
    """What may be changed; what is left out stays."""

    name = serializers.CharField(max_length=NAME_LENGTH_MAX, required=False)
    billing_profile = ProfileAsked(required=False)


class OrganizationOne(KeyedView):
    """The organisation of the key."""

    needs = {"GET": "organization:read", "PATCH": "organization:write"}

    @operation("Organisation", "Get the organisation", answer=OrganizationAnswer)
    def get(self, request: Request) -> Response:
        """The organisation that the key belongs to; there is no way to name another."""
        organization = organization_ref(organization_id=self.caller.organization_id)
        profile = profile_get(organization_id=organization.id)
        data = {
            "id": organization.slug,
            "name": organization.name,
            "url": f"{settings.SITE_URL}/app/{organization.slug}/",
            "billing_profile": asdict(profile.details) | {"recipients": list(profile.recipients)},
        }
        return Response({"data": data})

    @operation("Organisation", "Change the organisation", answer=OrganizationAnswer, body=OrganizationAsked)
    def patch(self, request: Request) -> Response:
        """Another name, or whom the next receipts are made out to. Its `id` stays, and so do all links."""
        asked = body_checked(request, OrganizationAsked)
        caller = self.caller
        with transaction.atomic():
            if "name" in asked:
                organization_rename(organization_id=caller.organization_id, name=asked["name"], user_id=caller.user_id)
            if "billing_profile" in asked:
                role_check(caller, Action.MONEY_CHANGE)
                self._profile_change(asked["billing_profile"])
        return self.get(request)

    def _profile_change(self, asked: dict[str, Any]) -> None:
        organization_id = self.caller.organization_id
        profile = profile_get(organization_id=organization_id)
        given = asdict(profile.details) | {name: value for name, value in asked.items() if name in LENGTHS}
        try:
            profile_set(
                organization_id=organization_id,
                details=details_clean(given),
                recipients=asked.get("recipients", profile.recipients),
                user_id=self.caller.user_id,
            )
        except DetailsRefused as refused:
            wrong = {name: [said] for name, said in refused.fields.items()}
            raise serializers.ValidationError({"billing_profile": wrong}) from refused
