"""Row 3: a stream of an Anthropic upstream as OpenAI's chunks."""

from collections.abc import Mapping
from typing import Any

import msgspec

from catalog.pricing import Usage
from gateway.convert.conversion import Asked
from gateway.convert.openai_anthropic.answer import call_of, completion_id_of, refusal_of
from gateway.convert.openai_anthropic.request import WayBack
from gateway.convert.openai_anthropic.thoughts import details_of
from gateway.convert.stops import finish_of
from gateway.convert.usage import usage_openai, usage_told
from gateway.metering import Meter
from gateway.wire.sse import Event
from gateway.wire.stream import mapping, object_decode

PING = b": ping\n\n"
DONE = b"data: [DONE]\n\n"


class OpenAIFromAnthropic:
    """The role first, pieces as they come; once the upstream ended properly: why, the usage if asked for, [DONE]."""

    def __init__(self, asked: Asked, way_back: WayBack) -> None:
        self._asked = asked
        self._way_back = way_back
        self._meter = Meter()
        self._head: dict[str, Any] | None = None
        self._blocks: dict[object, _Open] = {}
        self._calls = 0
        self._details = 0
        self._output_bytes = 0
        self._stop_reason: object = None

    def feed(self, event: Event, *, usage_only: bool) -> bytes:
        """One event."""
        if not event.data:
            return b"" if self._head is None else PING
        value = object_decode(event.data)
        if value is None:
            raise msgspec.ValidationError("An event is no JSON object.")
        match value.get("type") or event.event:
            case "content_block_delta":
                return self._delta(value)
            case "content_block_start":
                return self._open(value)
            case "content_block_stop":
                return self._close(value)
            case "message_start":
                return self._start(mapping(value.get("message")) or {})
            case "message_delta":
                return self._end(value)
            case "ping":
                return b"" if self._head is None else PING
            case _:
                return b""  # message_stop: `finish` says it; errors: the relay does; others are not known yet.

    def finish(self) -> bytes:
        """Why it ended, the usage where it was asked for, and the end."""
        told = usage_told(self._meter, prompt_bytes=self._asked.prompt_bytes, output_bytes=self._output_bytes)
        return self._finish(told)

    def stop_short(self, told: Usage) -> bytes:
        """The same, and that it reached its maximum."""
        self._stop_reason = "max_tokens"
        return self._finish(told)

    def failed(self, error: Mapping[str, Any]) -> bytes:
        """Any error event will do."""
        return b""

    def _finish(self, told: Usage) -> bytes:
        finish = finish_of(self._stop_reason, calls=self._calls > 0, legacy=self._way_back.legacy)
        chunks = self._chunk({}, finish=finish)
        if self._asked.include_usage:
            chunks += self._print({"choices": [], "usage": usage_openai(told)})
        return chunks + DONE

    def _start(self, message: Mapping[str, Any]) -> bytes:
        if usage := mapping(message.get("usage")):
            self._meter.observe(usage)
        return self._begin(message) if self._head is None else b""

    def _begin(self, message: Mapping[str, Any]) -> bytes:
        self._head = {
            "id": completion_id_of(message),
            "object": "chat.completion.chunk",
            "created": self._asked.created_seconds,
            "model": self._asked.public_id,
        }
        return self._chunk({"role": "assistant", "content": ""})

    def _open(self, value: Mapping[str, Any]) -> bytes:
        block = mapping(value.get("content_block")) or {}
        opened = _Open(block)
        self._blocks[value.get("index")] = opened
        match block:
            case {"type": "text", "text": str(text)} if text:
                return self._said("content", text)
            case {"type": "thinking", "thinking": str(text)}:
                opened.thought = text
                return self._said("reasoning_content", text) if text else b""
            case {"type": "tool_use", "name": name} if name != self._way_back.answer_tool:
                opened.call_at = self._calls
                self._calls += 1
                return self._call(opened, call_of(block, self._way_back, ""), call_id=str(block.get("id")))
            case _:
                return b""  # What the provider does on its own side is never shown as the client's calls.

    def _delta(self, value: Mapping[str, Any]) -> bytes:
        opened = self._blocks.get(value.get("index"))
        if opened is None:
            raise msgspec.ValidationError("A delta came for a block that is not open.")
        match value.get("delta"):
            case {"type": "text_delta", "text": str(text)} if text:
                return self._said("content", text)
            case {"type": "thinking_delta", "thinking": str(text)} if text:
                opened.thought += text
                return self._said("reasoning_content", text)
            case {"type": "input_json_delta", "partial_json": str(text)} if text:
                return self._arguments(opened, text)
            case {"type": "signature_delta", "signature": str(text)}:
                opened.signature += text
                return b""
            case _:
                return b""  # Citations and what a provider's own tools say: OpenAI has no word for them.

    def _close(self, value: Mapping[str, Any]) -> bytes:
        opened = self._blocks.pop(value.get("index"), None)
        if opened is None:
            return b""
        if opened.kind == "tool_use" and not opened.argued:
            return self._arguments(opened, msgspec.json.encode(opened.block.get("input") or {}).decode())
        told = {**opened.block, "thinking": opened.thought, "signature": opened.signature}
        detail = details_of(told, self._details, self._asked.public_id)
        if detail is None:
            return b""
        self._details += 1
        return self._chunk({"reasoning_details": [detail]})

    def _end(self, value: Mapping[str, Any]) -> bytes:
        if usage := mapping(value.get("usage")):
            self._meter.observe(usage)
        delta = mapping(value.get("delta")) or {}
        self._stop_reason = delta.get("stop_reason") or self._stop_reason
        refusal = refusal_of(delta)
        return self._chunk({"refusal": refusal}) if refusal else b""

    def _arguments(self, opened: "_Open", text: str) -> bytes:
        opened.argued = True
        if opened.call_at is not None:
            return self._call(opened, {"arguments": text})
        return self._said("content", text) if opened.kind == "tool_use" else b""

    def _call(self, opened: "_Open", function: dict[str, Any], *, call_id: str | None = None) -> bytes:
        self._output_bytes += len(function["arguments"])
        if self._way_back.legacy:
            return self._chunk({"function_call": function})
        named = {} if call_id is None else {"id": call_id, "type": "function"}
        return self._chunk({"tool_calls": [{"index": opened.call_at, **named, "function": function}]})

    def _said(self, name: str, text: str) -> bytes:
        self._output_bytes += len(text)
        return self._chunk({name: text})

    def _chunk(self, delta: dict[str, Any], *, finish: str | None = None) -> bytes:
        first = self._begin({}) if self._head is None else b""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        usage = {"usage": None} if self._asked.include_usage else {}
        return first + self._print({"choices": [choice], **usage})

    def _print(self, more: dict[str, Any]) -> bytes:
        return b"data: %b\n\n" % msgspec.json.encode({**(self._head or {}), **more})


class _Open:
    """A block that is open upstream; `call_at` is its place among the client's calls."""

    __slots__ = ("argued", "block", "call_at", "kind", "signature", "thought")

    def __init__(self, block: Mapping[str, Any]) -> None:
        self.block = block
        self.kind = block.get("type")
        self.call_at: int | None = None
        self.argued = False
        self.thought = ""
        self.signature = str(block.get("signature") or "")
