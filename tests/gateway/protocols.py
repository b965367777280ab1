"""What differs between the two protocols when a test asks the same of both."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.upstreams import wire

HELLO: list[Any] = [{"role": "user", "content": "hello"}]


@dataclass(frozen=True)
class Protocol:
    """Where and how to ask, and what an upstream of it answers."""

    name: str
    path: str
    body: dict[str, Any]
    answer: Callable[..., bytes]
    stream: Callable[..., list[bytes]]
    start: list[bytes]  # events without content
    text: Callable[[str], bytes]
    error: Callable[..., bytes]
    proper_end: bytes

    def error_type(self, body: Any) -> str:
        """`error.type` of an error body, after checking that it has this protocol's shape."""
        assert set(body) == ({"error"} if self.name == "openai_chat" else {"type", "error", "request_id"})
        expected = {"message", "type"} | ({"param", "code"} if self.name == "openai_chat" else set())
        assert expected <= set(body["error"])
        return str(body["error"]["type"])


def _openai_text(text: str) -> bytes:
    return wire.openai_chunk({"content": text})


OPENAI = Protocol(
    "openai_chat",
    "/v1/chat/completions",
    {"messages": HELLO},
    wire.openai_answer,
    wire.openai_stream,
    [wire.OPENAI_ROLE],
    _openai_text,
    wire.openai_error,
    wire.DONE,
)
ANTHROPIC = Protocol(
    "anthropic_messages",
    "/v1/messages",
    {"messages": HELLO, "max_tokens": 500},
    wire.anthropic_answer,
    wire.anthropic_stream,
    [wire.anthropic_start(), wire.ANTHROPIC_BLOCK, wire.ANTHROPIC_PING],
    wire.anthropic_text,
    wire.anthropic_error,
    wire.ANTHROPIC_STOP,
)
both = pytest.mark.parametrize("protocol", [OPENAI, ANTHROPIC], ids=lambda protocol: protocol.name)
streamed_and_not = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
