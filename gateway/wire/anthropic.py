"""Anthropic Messages: what the gateway reads and changes of a request, a stream and an answer. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from gateway.wire.body import BodyInvalid, members_encode
from gateway.wire.charged import (
    Charged,
    ChargedTools,
    charged_check,
    charged_neutral,
    empty,
    one_of,
    tools_check,
)
from gateway.wire.media import prompt_measure
from gateway.wire.request import (
    Request,
    boolean_read,
    count_read,
    member,
    messages_check,
    model_read,
    number,
    string,
    tool_types,
)
from gateway.wire.sse import Event
from gateway.wire.stream import (
    MALFORMED,
    NOTHING,
    Answer,
    Seen,
    answer_decode,
    error_of,
    items,
    mapping,
    object_decode,
    text_bytes,
)

BUDGET_TOKENS_MIN: Final = 1024  # what the protocol allows for thinking, at least
CHARGED_FIELDS: Final = (
    Charged("service_tier", one_of("auto", "standard_only"), "tiers have prices of their own", b'"standard_only"'),
    Charged("speed", one_of("standard"), "fast output has a price of its own", b""),
    Charged("inference_geo", one_of("global"), "regions have prices of their own"),
    Charged("fallbacks", empty, "another model has another price"),
)
CHARGED_TOOLS: Final = ChargedTools(
    # Code execution is charged by the hour beyond a free allowance: it passes, the meter flags it.
    free_types=(
        "custom",
        "bash_*",
        "text_editor_*",
        "computer_*",
        "memory_*",
        "tool_search_tool_*",
        "web_fetch_*",
        "code_execution_*",
        "mcp_toolset",
    ),
    unbounded_types=("web_fetch_*", "code_execution_*", "mcp_toolset"),
)


def request_read(members: Mapping[str, msgspec.Raw]) -> Request:
    """Everything admission asks; `BodyInvalid` names the field that is wrong."""
    stream = boolean_read(members, "stream")
    read = count_tokens_read(members)
    max_output_tokens = count_read(members, "max_tokens")
    if max_output_tokens is None:
        raise BodyInvalid("max_tokens is missing.", "max_tokens")
    charged_check(members, CHARGED_FIELDS)
    return replace(read, stream=stream, max_output_tokens=max_output_tokens)


def count_tokens_read(members: Mapping[str, msgspec.Raw]) -> Request:
    """The same for `count_tokens`, which has neither a stream nor a maximum."""
    model = model_read(members)
    messages_check(members)
    types = tool_types(members)
    tools_check(types, CHARGED_TOOLS)
    measure = prompt_measure(members, tool_types=types)
    unbounded = CHARGED_TOOLS.unbounded(types) or member(members, "mcp_servers") not in (None, b"[]")
    return Request(
        model=model,
        stream=False,
        max_output_tokens=None,
        n=1,
        include_usage=True,
        prompt_text_bytes=measure.text_bytes,
        prompt_tokens_bound=None if unbounded else measure.tokens_max,
    )


def request_upstream(
    members: Mapping[str, msgspec.Raw], *, upstream_model: str, max_output_tokens: int | None = None
) -> bytes:
    """The upstream's body: its model name, and our maximum where one is given."""
    sent = charged_neutral(members, CHARGED_FIELDS)
    sent["model"] = string(upstream_model)
    if max_output_tokens is not None:
        sent["max_tokens"] = number(max_output_tokens)
        _thinking_shorten(sent, asked_tokens=count_read(members, "max_tokens") or 0, maximum_tokens=max_output_tokens)
    return members_encode(sent)


def _thinking_shorten(sent: dict[str, msgspec.Raw], *, asked_tokens: int, maximum_tokens: int) -> None:
    """A thinking budget below the client's maximum stays below ours: at it or above it would be refused."""
    thinking = object_decode(member(sent, "thinking") or b"null") or {}
    budget = thinking.get("budget_tokens")
    if isinstance(budget, int) and maximum_tokens <= budget < asked_tokens:
        shorter = {**thinking, "budget_tokens": max(maximum_tokens // 2, BUDGET_TOKENS_MIN)}
        sent["thinking"] = msgspec.Raw(msgspec.json.encode(shorter))


class StreamReader:
    """Reads one stream; `message_stop` is its proper end, unless an error came first."""

    def __init__(self) -> None:
        self._failed = False

    def feed(self, event: Event) -> Seen:
        """What this event means."""
        if not event.data:
            return NOTHING
        value = object_decode(event.data)
        if value is None:
            return MALFORMED
        kind = value.get("type") or event.event
        self._failed = self._failed or kind == "error"
        if kind == "message_stop":
            return Seen(ended=not self._failed, closing=True)
        return _seen(str(kind), value)


def answer_read(body: bytes) -> Answer:
    """A whole answer; `BodyInvalid` when it is not a JSON object."""
    answer = answer_decode(body)
    is_error = answer.get("type") == "error" or bool(answer.get("error")) or "content" not in answer
    outputs = [_output(block) for block in items(answer.get("content"))]
    return Answer(
        content=any(output.content for output in outputs),
        error=(error_of(answer.get("error")) or answer) if is_error else None,
        usage=_usage_of(answer),
        output_bytes=sum(output.output_bytes for output in outputs),
    )


def _seen(kind: str, value: Mapping[str, Any]) -> Seen:
    match kind:
        case "content_block_delta":
            return _output(value.get("delta"))
        case "content_block_start":
            return _output(value.get("content_block"))
        case "message_start":
            return Seen(usage=_usage_of(mapping(value.get("message")) or {}))
        case "message_delta":
            return Seen(usage=_usage_of(value))
        case "error":
            return Seen(error=error_of(value.get("error")) or value)
        case _:
            return NOTHING  # ping, content_block_stop and what is not known yet: relayed, no content.


def _output(part: object) -> Seen:
    """A block or a piece of one. Blocks start with empty text; anything they say beyond their type is output."""
    found = mapping(part) or {}
    content = any(value for name, value in found.items() if name not in ("type", "index"))
    return Seen(content=content, output_bytes=text_bytes([found]))


def _usage_of(holder: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return mapping(holder.get("usage"))
