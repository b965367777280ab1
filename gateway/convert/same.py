"""Rows 1 and 4, pass-through: the gateway's own members change, every other byte is relayed as it came."""

from gateway.convert.conversion import Asked
from gateway.wire import anthropic, openai
from gateway.wire.body import model_replace
from gateway.wire.sse import Event


class OpenAISame:
    """OpenAI client, OpenAI upstream."""

    dropped: tuple[str, ...] = ()

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self.body = openai.request_upstream(
            asked.members, upstream_model=asked.upstream_model, max_output_tokens=asked.max_output_tokens
        )

    def answer(self, body: bytes) -> bytes:
        """The upstream's body with the public model ID."""
        return model_replace(body, self._asked.public_id)

    def stream(self) -> "SameStream":
        """A fresh pass-through."""
        return SameStream(self._asked.public_id, nested=None, include_usage=self._asked.include_usage)


class AnthropicSame:
    """Anthropic client, Anthropic upstream."""

    dropped: tuple[str, ...] = ()

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self.body = anthropic.request_upstream(
            asked.members, upstream_model=asked.upstream_model, max_output_tokens=asked.max_output_tokens
        )

    def answer(self, body: bytes) -> bytes:
        """The upstream's body with the public model ID."""
        return model_replace(body, self._asked.public_id)

    def stream(self) -> "SameStream":
        """A fresh pass-through; usage is part of this protocol and always stays."""
        return SameStream(self._asked.public_id, nested="message", include_usage=True)


class SameStream:
    """Relays events byte for byte, the model's name aside."""

    def __init__(self, public_id: str, *, nested: str | None, include_usage: bool) -> None:
        self._public_id = public_id
        self._nested = nested
        self._include_usage = include_usage

    def feed(self, event: Event, *, usage_only: bool) -> bytes:
        """The event's own bytes, or none for a usage chunk that the client did not ask for."""
        if usage_only and not self._include_usage:
            return b""
        if b'"model"' not in event.raw:
            return event.raw
        return event.with_data(model_replace(event.data, self._public_id, nested=self._nested))

    def finish(self) -> bytes:
        """Nothing: the upstream's own end was relayed."""
        return b""
