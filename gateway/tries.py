"""Routes of one request that gave nothing, as its record keeps them: who failed, or that the client left. Pure."""

from collections.abc import Sequence

from billing.attempts import CLIENT_GONE, CLIENT_GONE_STATUS, NO_ROUTE, Attempt
from catalog.snapshot import Route
from gateway.errors import GatewayError


def try_failed(route: Route, error: GatewayError, *, began_ms: int, ended_ms: int) -> Attempt:
    """What the client would have been told of it, had it been the last."""
    status = error.status or error.reason.value.status
    return Attempt(route.id, route.protocol, status, error.reason.name.lower(), began_ms, ended_ms - began_ms)


def try_left(before: Sequence[Attempt], route: Route | None, *, now_ms: int) -> Attempt:
    """The client left while `route` was asked, or before any was: nobody failed."""
    began_ms = before[-1].started_ms + before[-1].duration_ms if before else 0
    route_id, protocol = (route.id, str(route.protocol)) if route else (NO_ROUTE, "")
    return Attempt(route_id, protocol, CLIENT_GONE_STATUS, CLIENT_GONE, began_ms, max(now_ms - began_ms, 0))
