"""API keys: listed, made, changed, rotated and revoked."""

from typing import Any, cast

from django.db import transaction
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_key_selectors import ApiKeyFilter, ApiKeyView, api_key_get, api_keys_count, api_keys_page
from accounts.api_keys import (
    ApiKeyChanges,
    ApiKeyRules,
    api_key_create,
    api_key_disable,
    api_key_enable,
    api_key_revoke,
    api_key_rotate,
    api_key_update,
)
from accounts.errors import ApiKeyNotFound
from billing.key_spend import KeySpend, key_spend
from tokenoutput.api.key_limits import key_limit_change, standing_get
from tokenoutput.api.key_shapes import KeyAnswer, KeyChanged, KeyMade, KeyNew, KeysAnswer, RotationAsked, key_of
from tokenoutput.api.keyed import KeyedView, body_checked
from tokenoutput.api.once import once
from tokenoutput.api.pages import PAGE_QUERY, Deleted, PageAsked, page_of, query_checked
from tokenoutput.api.schema import IDEMPOTENCY, operation, query

# As the API names them, and as the services do.
_RULES = {
    "allowed_models": "allowed_models",
    "allowed_ips": "allowed_ips",
    "rate_limit_rpm": "requests_per_minute",
}


class KeysAsked(PageAsked):
    """Which keys."""

    include_disabled = serializers.BooleanField(default=False)
    q = serializers.CharField(max_length=100, default="")


class _KeysView(KeyedView):
    """What the views of keys share."""

    def _shown(self, keys: list[ApiKeyView]) -> list[dict[str, Any]]:
        organization_id = self.caller.organization_id
        spent = key_spend(organization_id=organization_id, api_key_ids=[key.id for key in keys])
        standing, workspace = standing_get(organization_id=organization_id), self.caller.organization_slug
        return [
            key_of(key, workspace=workspace, standing=standing, spend=spent.get(key.id, KeySpend())) for key in keys
        ]

    def _key(self, hash: str) -> ApiKeyView:
        key = api_key_get(organization_id=self.caller.organization_id, public_hash=hash)
        if key is None:
            raise ApiKeyNotFound("There is no such API key.")
        return key


class KeysView(_KeysView):
    """API keys."""

    needs = {"GET": "keys:read", "POST": "keys:write"}

    @operation(
        "API keys", "List API keys", answer=KeysAnswer,
        query=[
            query("include_disabled", "Those that are disabled, expired or revoked too.", bool),
            query("q", "What the name or the label holds."), *PAGE_QUERY,
        ],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """The organisation's API keys, the newest first."""
        asked = query_checked(request, KeysAsked)
        only = ApiKeyFilter(q=asked["q"], state="" if asked["include_disabled"] else "active")
        organization_id, page = self.caller.organization_id, {name: asked[name] for name in ("offset", "limit")}
        rows = self._shown(api_keys_page(organization_id=organization_id, only=only, **page))
        count = api_keys_count(organization_id=organization_id, only=only)
        return Response(page_of(request, rows, total_count=count, **page))

    @operation("API keys", "Make an API key", answer=KeyMade, status=201, body=KeyNew, query=[IDEMPOTENCY])
    def post(self, request: Request) -> Response:
        """A new API key. Its secret is in this answer and nowhere else."""
        asked = body_checked(request, KeyNew)

        def act() -> Response:
            caller = self.caller
            made = api_key_create(
                organization_id=caller.organization_id,
                member_id=caller.member_id,
                name=asked["name"],
                expires_at=asked.get("expires_at"),
                rules=_rules(asked),
            )
            key_limit_change(caller, api_key_id=made.id, asked=asked, limits=[])
            (data,) = self._shown([self._key(made.public_hash)])
            return Response({"data": data, "key": made.secret}, status=201)

        return once(request, act)


class KeyOne(_KeysView):
    """One API key."""

    needs = {"GET": "keys:read", "PATCH": "keys:write", "DELETE": "keys:write"}

    @operation("API keys", "Get an API key", answer=KeyAnswer)
    def get(self, request: Request, hash: str) -> Response:
        """One API key, a revoked one too."""
        (data,) = self._shown([self._key(hash)])
        return Response({"data": data})

    @operation("API keys", "Change an API key", answer=KeyAnswer, body=KeyChanged)
    def patch(self, request: Request, hash: str) -> Response:
        """Change what is named in the body, from the next request on. What the limit's window has seen counts."""
        asked = body_checked(request, KeyChanged)
        caller, key = self.caller, self._key(hash)
        who = {"organization_id": caller.organization_id, "api_key_id": key.id, "member_id": caller.member_id}
        standing = standing_get(organization_id=caller.organization_id)
        with transaction.atomic():
            if changes := _changes(asked):
                api_key_update(**who, changes=changes)
            if "disabled" in asked:
                (api_key_disable if asked["disabled"] else api_key_enable)(**who)
            key_limit_change(caller, api_key_id=key.id, asked=asked, limits=standing.of_key(key.id))
        return self.get(request, hash)

    @operation("API keys", "Revoke an API key", answer=Deleted)
    def delete(self, request: Request, hash: str) -> Response:
        """Stop a key at once and for good. What it did stays in usage and audit log."""
        caller = self.caller
        api_key_revoke(
            organization_id=caller.organization_id, api_key_id=self._key(hash).id, member_id=caller.member_id
        )
        return Response({"deleted": True})


class KeyRotation(_KeysView):
    """A new secret for a key."""

    needs = {"POST": "keys:write"}

    @operation("API keys", "Rotate an API key", answer=KeyMade, status=201, body=RotationAsked, query=[IDEMPOTENCY])
    def post(self, request: Request, hash: str) -> Response:
        """A new secret for the same key, in this answer alone; limits and history stay, the old one for the grace."""
        asked = body_checked(request, RotationAsked)

        def act() -> Response:
            caller = self.caller
            made = api_key_rotate(
                organization_id=caller.organization_id,
                api_key_id=self._key(hash).id,
                grace_seconds=asked["grace_seconds"],
                member_id=caller.member_id,
            )
            (data,) = self._shown([self._key(hash)])
            return Response({"data": data, "key": made.secret}, status=201)

        return once(request, act)


def _rules(asked: dict[str, Any]) -> ApiKeyRules:
    named = {_RULES[name]: value for name, value in asked.items() if name in _RULES}
    return cast("ApiKeyRules", named)


def _changes(asked: dict[str, Any]) -> ApiKeyChanges:
    named = {name: asked[name] for name in ("name", "expires_at") if name in asked}
    return cast("ApiKeyChanges", {**named, **_rules(asked)})
