"""Small answers of both protocols, made by hand, with the usage a test wants."""

import json
from collections.abc import Mapping
from typing import Any

UPSTREAM_NAME = "upstream-internal-name"
OPENAI_USAGE = {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200}
ANTHROPIC_USAGE = {"input_tokens": 1000, "output_tokens": 200}


def openai_answer(text: str = "Two plums", *, usage: Mapping[str, Any] | None = OPENAI_USAGE, **more: Any) -> bytes:
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1790000000,
        "model": UPSTREAM_NAME,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        **({"usage": dict(usage)} if usage is not None else {}),
        **more,
    }
    return json.dumps(answer, ensure_ascii=False, indent=1).encode()


def openai_chunk(delta: Mapping[str, Any] | None = None, finish: str | None = None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": dict(delta), "finish_reason": finish}]
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1790000000,
        "model": UPSTREAM_NAME,
        "choices": choices,
        **more,
    }
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
OPENAI_ROLE = openai_chunk({"role": "assistant", "content": ""})
OPENAI_STOP = openai_chunk({}, "stop")


def openai_usage(usage: Mapping[str, Any] = OPENAI_USAGE) -> bytes:
    return openai_chunk(usage=dict(usage))


def openai_stream(*texts: str, usage: Mapping[str, Any] | None = OPENAI_USAGE) -> list[bytes]:
    """Role, one chunk a text, the finish, the usage if any, [DONE]."""
    chunks = [OPENAI_ROLE, *(openai_chunk({"content": text}) for text in texts or ("Two ", "plums")), OPENAI_STOP]
    return [*chunks, *([openai_usage(usage)] if usage is not None else []), DONE]


def anthropic_answer(
    text: str = "Two plums", *, usage: Mapping[str, Any] | None = ANTHROPIC_USAGE, **more: Any
) -> bytes:
    answer = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": UPSTREAM_NAME,
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        **({"usage": dict(usage)} if usage is not None else {}),
        **more,
    }
    return json.dumps(answer, ensure_ascii=False, indent=1).encode()


def anthropic_event(**members: Any) -> bytes:
    return f"event: {members['type']}\ndata: {json.dumps(members, ensure_ascii=False)}\n\n".encode()


def anthropic_start(usage: Mapping[str, Any] | None = None) -> bytes:
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": UPSTREAM_NAME,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 1000, "output_tokens": 1} if usage is None else dict(usage),
    }
    return anthropic_event(type="message_start", message=message)


ANTHROPIC_BLOCK = anthropic_event(type="content_block_start", index=0, content_block={"type": "text", "text": ""})
ANTHROPIC_PING = anthropic_event(type="ping")
ANTHROPIC_BLOCK_END = anthropic_event(type="content_block_stop", index=0)
ANTHROPIC_STOP = anthropic_event(type="message_stop")


def anthropic_text(text: str) -> bytes:
    return anthropic_event(type="content_block_delta", index=0, delta={"type": "text_delta", "text": text})


def anthropic_delta(usage: Mapping[str, Any] | None = None) -> bytes:
    return anthropic_event(
        type="message_delta",
        delta={"stop_reason": "end_turn", "stop_sequence": None},
        usage={"output_tokens": 200} if usage is None else dict(usage),
    )


def anthropic_stream(*texts: str) -> list[bytes]:
    """Start, one block with a delta a text, the end."""
    deltas = [anthropic_text(text) for text in texts or ("Two ", "plums")]
    start = [anthropic_start(), ANTHROPIC_BLOCK, ANTHROPIC_PING]
    return [*start, *deltas, ANTHROPIC_BLOCK_END, anthropic_delta(), ANTHROPIC_STOP]


def anthropic_error(kind: str = "overloaded_error", message: str = "Overloaded") -> bytes:
    return anthropic_event(type="error", error={"type": kind, "message": message})


def openai_error(message: str = "The server is on fire", **more: Any) -> bytes:
    return b"data: " + json.dumps({"error": {"message": message, "type": "server_error", **more}}).encode() + b"\n\n"


def for_client(stream: bytes, public_id: str) -> bytes:
    """What a client must get of an upstream's bytes: the public model ID, and nothing else changed."""
    return stream.replace(UPSTREAM_NAME.encode(), public_id.encode())
