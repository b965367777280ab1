"""Pass-through streams that we end ourselves: what is still open in one, and its legal end at a maximum. Pure."""

import re
from typing import Any, Final, Protocol as TypingProtocol

import msgspec

from catalog.pricing import Usage
from gateway.convert.usage import usage_anthropic, usage_openai
from gateway.wire.sse import Event
from gateway.wire.stream import items, object_decode

DONE: Final = b"data: [DONE]\n\n"
# Only events that open or close something are decoded: a relayed stream has hundreds that do not.
_FINISHING: Final = re.compile(rb'"finish_reason"\s*:\s*"')
_BLOCK: Final = b"content_block_st"


class Ending(TypingProtocol):
    """`observe` every event that the client gets; `short` ends what they left open."""

    def observe(self, event: Event) -> None: ...
    def short(self, told: Usage) -> bytes: ...


class OpenAIEnding:
    """Every choice that has not finished gets `length`; then the usage, if it was asked for, and the end."""

    def __init__(self, public_id: str, *, choices: int, include_usage: bool) -> None:
        self._public_id = public_id
        self._choices = choices
        self._include_usage = include_usage
        self._first = b""
        self._finished: set[object] = set()

    def observe(self, event: Event) -> None:
        """Take one event."""
        if not self._first and b'"choices"' in event.data:
            self._first = event.data
        if _FINISHING.search(event.data):
            choices = items((object_decode(event.data) or {}).get("choices"))
            self._finished |= {choice.get("index", 0) for choice in choices if choice.get("finish_reason")}

    def short(self, told: Usage) -> bytes:
        """The end."""
        first = object_decode(self._first) or {}
        head: dict[str, Any] = {name: value for name, value in first.items() if name in ("id", "created")}
        head |= {"object": "chat.completion.chunk", "model": self._public_id}
        usage: dict[str, Any] = {"usage": None} if self._include_usage else {}
        chunks = [
            {**head, "choices": [{"index": index, "delta": {}, "logprobs": None, "finish_reason": "length"}], **usage}
            for index in range(self._choices)
            if index not in self._finished
        ]
        if self._include_usage:
            chunks.append({**head, "choices": [], "usage": usage_openai(told)})
        return b"".join(b"data: %b\n\n" % msgspec.json.encode(chunk) for chunk in chunks) + DONE


class AnthropicEnding:
    """Open blocks are closed; then `max_tokens` with the usage, and the end."""

    def __init__(self) -> None:
        self._open: list[object] = []

    def observe(self, event: Event) -> None:
        """Take one event."""
        if _BLOCK not in event.data:
            return
        value = object_decode(event.data) or {}
        if value.get("type") == "content_block_start":
            self._open.append(value.get("index"))
        elif value.get("type") == "content_block_stop" and value.get("index") in self._open:
            self._open.remove(value.get("index"))

    def short(self, told: Usage) -> bytes:
        """The end."""
        delta = {"stop_reason": "max_tokens", "stop_sequence": None}
        events: list[dict[str, Any]] = [{"type": "content_block_stop", "index": index} for index in self._open]
        events.append({"type": "message_delta", "delta": delta, "usage": usage_anthropic(told)})
        events.append({"type": "message_stop"})
        return b"".join(b"event: %b\ndata: %b\n\n" % (one["type"].encode(), msgspec.json.encode(one)) for one in events)
