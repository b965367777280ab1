"""Who asks: the key of the Authorization header, and nothing else. A cookie never authenticates here."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from accounts.api_key_selectors import caller_get_now
from accounts.audit import acting_via
from accounts.keys import MANAGEMENT_START, START, key_hash
from accounts.management_keys import ManagementCaller, management_caller_get
from accounts.networks import networks_hold


class ManagementKeys(BaseAuthentication):
    """Takes `Authorization: Bearer sk-mgmt-…`; what the caller then does is noted as done by this key."""

    def authenticate(self, request: Request) -> tuple[None, ManagementCaller]:
        secret = secret_of(request)
        if not secret.startswith(MANAGEMENT_START):
            raise AuthenticationFailed("This takes a management key, sk-mgmt-…: an API key only looks at itself.")
        caller = management_caller_get(secret, request.META.get("REMOTE_ADDR"))
        if caller is None:
            raise refused()
        request.parser_context["view"].acting.enter_context(acting_via(caller.via))
        return None, caller

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="management API"'


class AnyKeys(ManagementKeys):
    """Takes an API key too, which then only looks at what is its own."""

    def authenticate(self, request: Request) -> Any:
        secret = secret_of(request)
        if secret.startswith(MANAGEMENT_START):
            return super().authenticate(request)
        hashed = key_hash(secret)
        caller = caller_get_now(key_hash=hashed) if hashed else None
        if caller is None or not networks_hold(caller.networks, request.META.get("REMOTE_ADDR")):
            raise refused()
        return None, caller


class ManagementKeyScheme(OpenApiAuthenticationExtension):
    """For the description; `tokenoutput.api.schema` says more of it."""

    target_class = ManagementKeys
    name = "managementKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer"}


class AnyKeyScheme(OpenApiAuthenticationExtension):
    """For the description: either kind."""

    target_class = AnyKeys
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer"}

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[str]]]:
        return [{"managementKey": []}, {"apiKey": []}]


def secret_of(request: Request) -> str:
    """The key as it was sent. Raises `NotAuthenticated` where there is none."""
    scheme, _, secret = str(request.META.get("HTTP_AUTHORIZATION", "")).strip().partition(" ")
    if scheme.lower() != "bearer" or not secret.strip().startswith(START):
        raise NotAuthenticated("Send a management key: `Authorization: Bearer sk-mgmt-…`.")
    return secret.strip()


def refused() -> AuthenticationFailed:
    """One wording for unknown, revoked, expired and orphaned keys: whoever guesses learns nothing."""
    return AuthenticationFailed("This key is not valid: unknown, revoked, expired, or not allowed from this address.")
