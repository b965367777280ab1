"""What one request wants: read from its body and checked, not yet in any upstream's words."""

from dataclasses import dataclass

import msgspec

from catalog.snapshot import Model, Protocol
from gateway.endpoints import ClientHeaders


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as the relay hands it on."""

    protocol: Protocol
    model: Model
    members: dict[str, msgspec.Raw]
    headers: ClientHeaders
    stream: bool
    include_usage: bool
    max_output_tokens: int | None  # what goes upstream in place of the client's own value; None: leave that alone
    prompt_bytes: int
    prompt_tokens_max: int
    output_tokens_max: int
