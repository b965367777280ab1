"""What a converter is: a request in the upstream's words, and the way back for its answer. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol as TypingProtocol

import msgspec

from catalog.pricing import Usage
from gateway.wire.sse import Event


@dataclass(frozen=True, slots=True)
class Asked:
    """A client's request and what its answer needs; `capabilities` are the catalog's words for the model."""

    members: Mapping[str, msgspec.Raw]
    public_id: str
    upstream_model: str
    max_output_tokens: int | None  # goes upstream in place of the client's own maximum; None: leave that alone
    max_output_default: int  # where a client names none and the upstream demands one
    include_usage: bool
    prompt_bytes: int
    created_seconds: int  # the time of the answer, for protocols that tell it
    capabilities: frozenset[str]


class StreamConversion(TypingProtocol):
    """One stream on its way back; each call answers with the bytes for the client, possibly none.

    What cannot be read raises `msgspec.DecodeError`: it could have been the usage, so it is never skipped. An error
    event gives none on converted rows: the relay says it in the client's words.
    """

    def feed(self, event: Event, *, usage_only: bool) -> bytes:
        """Take one upstream event. `usage_only`: it carries usage and nothing a client asked for by default."""
        ...

    def finish(self) -> bytes:
        """The upstream ended properly: what the client's protocol still needs, its proper end included."""
        ...

    def stop_short(self, told: Usage) -> bytes:
        """We end the stream, because the money ends: the proper end of one at its maximum, with this usage."""
        ...

    def failed(self, error: Mapping[str, Any]) -> bytes:
        """It broke off: what the protocol says of this error in mid-stream; none where any error event will do."""
        ...


class Conversion(TypingProtocol):
    """One request converted. What must be remembered until its answer (names, ids) lives here."""

    @property
    def body(self) -> bytes:
        """What goes upstream."""
        ...

    @property
    def dropped(self) -> tuple[str, ...]:
        """Names of fields that were left out."""
        ...

    def answer(self, body: bytes) -> bytes:
        """A whole answer for the client; `BodyInvalid` when it is none."""
        ...

    def stream(self) -> StreamConversion:
        """A fresh state machine for one stream."""
        ...


class Converter(TypingProtocol):
    """One (client protocol, upstream protocol) pair. Raises `BodyInvalid` naming the field it cannot carry."""

    def __call__(self, asked: Asked) -> Conversion: ...
