"""How often a key or an address may ask: counted in the shared cache, so by all web processes together."""

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from accounts.management_keys import ManagementCaller
from accounts.networks import network_of


class PerKey(SimpleRateThrottle):
    """So many requests a minute of one key."""

    scope = "key"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        if request.auth is None:
            return None
        kind = "management" if isinstance(request.auth, ManagementCaller) else "api"
        number = request.auth.key_id if isinstance(request.auth, ManagementCaller) else request.auth.api_key_id
        return f"api-requests:{kind}:{number}"


class PerAddress(SimpleRateThrottle):
    """So many attempts a minute from one address, where nobody has a key yet."""

    scope = "address"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        if request.method != "POST":
            return None
        return f"api-attempts:{network_of(request.META.get('REMOTE_ADDR', ''))}"
