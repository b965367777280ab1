"""What one request wants: read from its body and checked, then put into the words of a route's upstream."""

import time
from dataclasses import dataclass

import msgspec

from catalog.snapshot import Model, Route
from gateway.convert import CONVERSIONS
from gateway.convert.conversion import Asked, Conversion
from gateway.endpoints import ClientHeaders
from gateway.errors import GatewayError, Reason
from gateway.failures import UpstreamFailure
from gateway.protocols import ClientProtocol
from gateway.wire.body import BodyInvalid


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as the relay hands it on."""

    protocol: ClientProtocol
    model: Model
    members: dict[str, msgspec.Raw]
    headers: ClientHeaders
    stream: bool
    include_usage: bool
    max_output_tokens: int | None  # what goes upstream in place of the client's own value; None: leave that alone
    prompt_bytes: int
    prompt_tokens_max: int
    output_tokens_max: int  # of all choices together
    choices: int
    output_is_limited: bool  # the client named a maximum


def converted(ask: Ask, route: Route) -> Conversion:
    """The request in the route's words; a 400 names the field that cannot be carried."""
    asked = Asked(
        members=ask.members,
        public_id=ask.model.public_id,
        upstream_model=route.upstream_model,
        max_output_tokens=ask.max_output_tokens,
        max_output_default=ask.max_output_tokens or ask.model.max_output_tokens,
        include_usage=ask.include_usage,
        prompt_bytes=ask.prompt_bytes,
        created_seconds=int(time.time()),
        capabilities=ask.model.capabilities,
    )
    try:
        return CONVERSIONS[ask.protocol, route.protocol](asked)
    except BodyInvalid as invalid:
        error = GatewayError(Reason.INVALID, invalid.message, invalid.param)
        raise UpstreamFailure(error, next_route=True) from invalid  # Another route may speak the client's protocol.
