"""The gateway's tests share one server and one scripted upstream."""

from tests.gateway.platform import _gateway_server, customer, gateway_server, upstream

__all__ = ["_gateway_server", "customer", "gateway_server", "upstream"]
