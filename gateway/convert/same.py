"""Rows 1 and 4, pass-through: the gateway's own members change, every other byte is relayed as it came."""

from collections.abc import Mapping
from typing import Any

from catalog.pricing import Usage
from gateway.convert.conversion import Asked
from gateway.convert.short import AnthropicEnding, Ending, OpenAIEnding
from gateway.wire import anthropic, embeddings, openai
from gateway.wire.body import model_replace
from gateway.wire.request import count_read
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
        asked = self._asked
        choices = count_read(asked.members, "n") or 1
        ending = OpenAIEnding(asked.public_id, choices=choices, include_usage=asked.include_usage)
        return SameStream(asked.public_id, ending, nested=None, include_usage=asked.include_usage)


class EmbeddingsSame(OpenAISame):
    """Embeddings of an OpenAI upstream: they never stream."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self.body = embeddings.request_upstream(asked.members, upstream_model=asked.upstream_model)


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
        return SameStream(self._asked.public_id, AnthropicEnding(), nested="message", include_usage=True)


class SameStream:
    """Relays events byte for byte, the model's name aside."""

    def __init__(self, public_id: str, ending: Ending, *, nested: str | None, include_usage: bool) -> None:
        self._public_id = public_id
        self._ending = ending
        self._nested = nested
        self._include_usage = include_usage

    def feed(self, event: Event, *, usage_only: bool) -> bytes:
        """The event's own bytes, or none for a usage chunk that the client did not ask for."""
        if usage_only and not self._include_usage:
            return b""
        self._ending.observe(event)
        if b'"model"' not in event.raw:
            return event.raw
        return event.with_data(model_replace(event.data, self._public_id, nested=self._nested))

    def finish(self) -> bytes:
        """Nothing: the upstream's own end was relayed."""
        return b""

    def stop_short(self, told: Usage) -> bytes:
        """What is still open is closed, in the upstream's place."""
        return self._ending.short(told)

    def failed(self, error: Mapping[str, Any]) -> bytes:
        """Any error event will do."""
        return b""
