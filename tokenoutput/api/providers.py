"""GET /providers: who is behind the models, as far as customers may know."""

from django.utils.text import slugify
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.endpoints import providers_public
from tokenoutput.api.base import PublicView
from tokenoutput.api.schema import operation


class Provider(serializers.Serializer):
    """A provider that model pages name."""

    name = serializers.CharField()
    slug = serializers.CharField(help_text="How the `tag` of its endpoints begins.")
    privacy_policy_url = serializers.CharField(allow_null=True, help_text="Always null; so are the next two.")
    terms_of_service_url = serializers.CharField(allow_null=True)
    status_page_url = serializers.CharField(allow_null=True)


class ProvidersAnswer(serializers.Serializer):
    """Providers, by name."""

    data = Provider(many=True)


class ProvidersView(PublicView):
    """Providers."""

    @operation("Models", "List providers", answer=ProvidersAnswer)
    def get(self, request: Request) -> Response:
        """The providers that model pages name. One without a public name is not listed. No key is needed."""
        nothing = dict.fromkeys(("privacy_policy_url", "terms_of_service_url", "status_page_url"))
        data = [{"name": name, "slug": provider_slug(name), **nothing} for name in providers_public()]
        return Response({"data": data})


def provider_slug(name: str) -> str:
    """A name as part of an endpoint's tag."""
    return slugify(name, allow_unicode=True)
