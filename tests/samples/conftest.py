"""The gateway and its scripted upstream, as the gateway's own tests have them."""

from tests.gateway.platform import _gateway_server, gateway_server, upstream

__all__ = ["_gateway_server", "gateway_server", "upstream"]
