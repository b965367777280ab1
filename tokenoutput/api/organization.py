"""The organisation of a key."""

from django.conf import settings
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.names import NAME_LENGTH_MAX
from accounts.selectors import organization_ref
from accounts.services import organization_rename
from tokenoutput.api.figures import Strict
from tokenoutput.api.keyed import KeyedView, body_checked
from tokenoutput.api.schema import operation


class Organization(serializers.Serializer):
    """An organisation."""

    id = serializers.CharField(help_text="Its slug, which never changes.")
    name = serializers.CharField()
    url = serializers.CharField(help_text="Its dashboard.")


class OrganizationAnswer(serializers.Serializer):
    """The organisation of the key."""

    data = Organization()


class OrganizationAsked(Strict):
    """What may be changed."""

    name = serializers.CharField(max_length=NAME_LENGTH_MAX)


class OrganizationOne(KeyedView):
    """The organisation of the key."""

    needs = {"GET": "organization:read", "PATCH": "organization:write"}

    @operation("Organisation", "Get the organisation", answer=OrganizationAnswer)
    def get(self, request: Request) -> Response:
        """The organisation that the key belongs to; there is no way to name another."""
        organization = organization_ref(organization_id=self.caller.organization_id)
        url = f"{settings.SITE_URL}/app/{organization.slug}/"
        return Response({"data": {"id": organization.slug, "name": organization.name, "url": url}})

    @operation("Organisation", "Rename the organisation", answer=OrganizationAnswer, body=OrganizationAsked)
    def patch(self, request: Request) -> Response:
        """Another name. Its `id` stays, and so do all links."""
        asked = body_checked(request, OrganizationAsked)
        caller = self.caller
        organization_rename(organization_id=caller.organization_id, name=asked["name"], user_id=caller.user_id)
        return self.get(request)
