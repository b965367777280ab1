"""What a route means once its provider's defaults are filled in. Pure."""

from typing import cast

from catalog.snapshot import Protocol

PROVIDER_DEFAULT = "provider_default"
_VERSION_PATH = "/v1"


def route_protocol(*, route: str, provider: str) -> Protocol:
    """The protocol spoken upstream: the route's override wins."""
    return cast("Protocol", provider if route == PROVIDER_DEFAULT else route)


def route_base_url(*, protocol: Protocol, provider_protocol: str, base_url: str, other_base_url: str) -> str:
    """The base URL as an official SDK of `protocol` would be given it, without a trailing slash.

    OpenAI's are given with `/v1` and Anthropic's without, so a route that speaks the provider's other protocol has it
    added or dropped, unless the provider says where its other protocol lives.
    """
    base_url = base_url.rstrip("/")
    if protocol == provider_protocol:
        return base_url
    if other_base_url:
        return other_base_url.rstrip("/")
    without = base_url.removesuffix(_VERSION_PATH)
    return without + _VERSION_PATH if protocol == "openai_chat" else without
