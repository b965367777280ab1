"""GET /key: what the key that asks may do and has spent."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_key_selectors import Caller, api_key_by_id
from accounts.errors import ApiKeyNotFound
from accounts.management_keys import ManagementCaller, management_keys_list
from accounts.selectors import organization_ref
from billing.key_spend import KeySpend, key_spend
from tokenoutput.api.authentication import AnyKeys
from tokenoutput.api.base import ApiView
from tokenoutput.api.figures import moment
from tokenoutput.api.key_limits import standing_get
from tokenoutput.api.key_shapes import Key, key_of
from tokenoutput.api.permissions import KeyGiven
from tokenoutput.api.schema import operation
from tokenoutput.api.throttles import PerKey


class Pace(serializers.Serializer):
    """How often the key may ask."""

    requests = serializers.IntegerField()
    interval = serializers.CharField()


class OwnApiKey(Key):
    """An API key about itself."""

    is_free_tier = serializers.BooleanField(help_text="Always false: every organisation pays as it goes.")
    is_management_key = serializers.BooleanField()
    is_provisioning_key = serializers.BooleanField(help_text="OpenRouter's old name of the same.")
    rate_limit = Pace()


class OwnManagementKey(serializers.Serializer):
    """A management key about itself."""

    name = serializers.CharField()
    label = serializers.CharField()
    is_free_tier = serializers.BooleanField()
    is_management_key = serializers.BooleanField()
    is_provisioning_key = serializers.BooleanField()
    rate_limit = Pace()
    scopes = serializers.ListField(child=serializers.CharField())
    role = serializers.CharField(help_text="Of the member behind it, now.")
    expires_at = serializers.DateTimeField(allow_null=True)
    workspace_id = serializers.CharField()


class OwnKeyAnswer(serializers.Serializer):
    """The key that asks."""

    data = PolymorphicProxySerializer(
        component_name="OwnKey", serializers=[OwnApiKey, OwnManagementKey], resource_type_field_name=None
    )


class OwnKey(ApiView):
    """The key that asks, of either kind."""

    authentication_classes: list[Any] = [AnyKeys]
    throttle_classes: list[Any] = [PerKey]
    permission_classes: list[Any] = [KeyGiven]

    @operation("API keys", "Get the key that asks", answer=OwnKeyAnswer)
    def get(self, request: Request) -> Response:
        """What this key may do, and what it has spent. The only thing here that an API key may ask."""
        caller = request.auth
        data = _of_management_key(caller) if isinstance(caller, ManagementCaller) else _of_api_key(caller)
        return Response({"data": data})


def _of_api_key(caller: Caller) -> dict[str, Any]:
    organization_id, api_key_id = caller.organization_id, caller.api_key_id
    key = api_key_by_id(organization_id=organization_id, api_key_id=api_key_id)
    if key is None:
        raise ApiKeyNotFound("There is no such API key.")
    shown = key_of(
        key,
        workspace=organization_ref(organization_id=organization_id).slug,
        standing=standing_get(organization_id=organization_id),
        spend=key_spend(organization_id=organization_id, api_key_ids=[api_key_id]).get(api_key_id, KeySpend()),
    )
    pace = caller.requests_per_minute or settings.GATEWAY["key_requests_per_minute"]
    return shown | _kind(is_management_key=False, pace=int(pace))


def _of_management_key(caller: ManagementCaller) -> dict[str, Any]:
    keys = management_keys_list(organization_id=caller.organization_id)
    key = next(key for key in keys if key.id == caller.key_id)
    return {
        "name": caller.key_name,
        "label": f"{key.prefix}...{key.last_four}",
        "scopes": sorted(caller.scopes),
        "role": caller.role,
        "expires_at": moment(caller.expires_at),
        "workspace_id": caller.organization_slug,
    } | _kind(is_management_key=True, pace=settings.MANAGEMENT_REQUESTS_PER_MINUTE)


def _kind(*, is_management_key: bool, pace: int) -> dict[str, Any]:
    return {
        "is_free_tier": False,
        "is_management_key": is_management_key,
        "is_provisioning_key": is_management_key,
        "rate_limit": {"requests": pace, "interval": "60s"},
    }
