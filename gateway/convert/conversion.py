"""What a converter is: request there, answer back, and a small state machine for streams."""

from collections.abc import Mapping
from typing import Protocol as TypingProtocol

import msgspec

from gateway.wire.sse import Event


class StreamConversion(TypingProtocol):
    """One stream on its way back; each call answers with the bytes for the client, possibly none."""

    def feed(self, event: Event, *, usage_only: bool) -> bytes:
        """Take one upstream event. `usage_only`: it carries usage and nothing a client asked for by default."""
        ...

    def finish(self) -> bytes:
        """The upstream ended properly: what the client's protocol still needs, its proper end included."""
        ...


class Conversion(TypingProtocol):
    """One (client protocol, upstream protocol) pair. Raises `BodyInvalid` naming the field it cannot carry."""

    def request(
        self, members: Mapping[str, msgspec.Raw], *, upstream_model: str, max_output_tokens: int | None
    ) -> bytes:
        """The upstream's body; `max_output_tokens` replaces the client's own maximum where it is not None."""
        ...

    def answer(self, body: bytes, *, public_id: str) -> bytes:
        """A whole answer for the client."""
        ...

    def stream(self, *, public_id: str, include_usage: bool) -> StreamConversion:
        """A fresh state machine for one stream."""
        ...
