"""The inference endpoints in the OpenAPI description, by hand: the gateway that answers them has no views."""
