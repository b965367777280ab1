"""The clients' tests talk to the same gateway and scripted upstream as the gateway's own."""

from tests.gateway.platform import _gateway_server, customer, gateway_server, upstream

__all__ = ["_gateway_server", "customer", "gateway_server", "upstream"]
