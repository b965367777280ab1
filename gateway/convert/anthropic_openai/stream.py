"""Row 2: a stream of an OpenAI upstream as Anthropic's events."""

from collections.abc import Mapping
from typing import Any

import msgspec

from catalog.pricing import Usage
from gateway.convert.anthropic_openai.answer import message_id_of
from gateway.convert.anthropic_openai.blocks import AnthropicWords, event_print
from gateway.convert.blocks import Blocks
from gateway.convert.conversion import Asked
from gateway.convert.names import ToolNames
from gateway.convert.said import calls_of, choice_of, said_of, texts_of, usage_of
from gateway.convert.stops import stop_of
from gateway.convert.usage import usage_anthropic, usage_told
from gateway.metering import Meter, usage_estimate
from gateway.wire.sse import Event
from gateway.wire.stream import object_decode

PING = event_print("ping")


class AnthropicFromOpenAI:
    """message_start, blocks, and once the upstream ended properly: message_delta with the true usage, message_stop."""

    def __init__(self, asked: Asked, names: ToolNames) -> None:
        self._asked = asked
        self._words = AnthropicWords(names)
        self._blocks = Blocks(self._words)
        self._meter = Meter()
        self._started = False
        self._refused = False
        self._finish_reason: object = None

    def feed(self, event: Event, *, usage_only: bool) -> bytes:
        """One chunk."""
        if not event.data:
            return PING if self._started else b""  # A comment keeps the connection alive; so does a ping.
        if event.data.strip() == b"[DONE]":
            return b""
        chunk = object_decode(event.data)
        if chunk is None:
            raise msgspec.ValidationError("A chunk is no JSON object.")
        if chunk.get("error") or event.event == "error" or chunk.get("object") == "error":
            return b""
        if usage := usage_of(chunk):
            self._meter.observe(usage)
        events = b"" if self._started else self._start(chunk, event.data)
        choice = choice_of(chunk)
        return events if choice is None else events + self._choice(choice)

    def finish(self) -> bytes:
        """The rest: what still waited, why it ended, the usage."""
        return self._end(
            usage_told(self._meter, prompt_bytes=self._asked.prompt_bytes, output_bytes=self._blocks.output_bytes)
        )

    def stop_short(self, told: Usage) -> bytes:
        """The rest, and that it reached its maximum."""
        self._finish_reason = "length"
        return self._end(told)

    def failed(self, error: Mapping[str, Any]) -> bytes:
        """Any error event will do."""
        return b""

    def _end(self, told: Usage) -> bytes:
        events = (b"" if self._started else self._start({}, b"")) + self._blocks.flush()
        reason = stop_of(self._finish_reason, calls=self._blocks.called, refused=self._refused)
        delta = {"stop_reason": reason, "stop_sequence": None}
        return events + event_print("message_delta", delta=delta, usage=usage_anthropic(told)) + _STOP

    def _start(self, chunk: Mapping[str, Any], data: bytes) -> bytes:
        """The input is not known yet in most streams: an estimate, corrected at the end."""
        self._started = True
        message_id = message_id_of(chunk, data)
        self._words.message_id = message_id
        known = self._meter.usage or usage_estimate(prompt_bytes=self._asked.prompt_bytes, output_bytes=0)
        message: dict[str, Any] = {
            "id": message_id,
            "type": "message",
            "role": "assistant",
            "model": self._asked.public_id,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_anthropic(known) | {"output_tokens": 0},
        }
        return event_print("message_start", message=message)

    def _choice(self, choice: Mapping[str, Any]) -> bytes:
        said, events = said_of(choice), b""
        for kind, text in texts_of(said):
            self._refused = self._refused or kind == "refusal"
            events += self._blocks.text("thinking" if kind == "thinking" else "text", text)
        for call in calls_of(said):
            events += self._blocks.call(call)
        if reason := choice.get("finish_reason"):
            if reason == "error":
                raise msgspec.ValidationError("The upstream's stream ended in an error that it did not tell.")
            self._finish_reason = reason
            events += self._blocks.flush()
        return events


_STOP = event_print("message_stop")
