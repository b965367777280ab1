"""How often one management key may ask: counted in the shared cache, so by all web processes together."""

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle


class PerKey(SimpleRateThrottle):
    """So many requests a minute of one key."""

    scope = "key"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        return f"management-api:{request.auth.key_id}" if request.auth else None
