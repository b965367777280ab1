"""Live pages share the gateway's server and scripted upstream."""

from tests.gateway.platform import _gateway_server, customer, gateway_server, upstream

__all__ = ["_gateway_server", "customer", "gateway_server", "upstream"]
