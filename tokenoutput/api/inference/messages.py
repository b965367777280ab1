"""Anthropic's Messages, as far as a client needs to know it here."""

from typing import Final

from tokenoutput.api.inference.shapes import (
    CONTENT,
    COUNT,
    MODEL,
    NUMBER,
    OBJECT,
    STREAM,
    STRING,
    TOOLS,
    Schema,
    array,
    nullable,
    record,
    ref,
    said,
)

_MESSAGES: Final = array(record(["role", "content"], role={"enum": ["user", "assistant"]}, content=CONTENT), minItems=1)
_EVENTS: Final = [
    "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta",
    "message_stop", "ping", "error",
]  # fmt: skip
COMPONENTS: Final[dict[str, Schema]] = {
    "MessagesRequest": record(
        ["model", "max_tokens", "messages"],
        model=MODEL,
        max_tokens={"type": "integer", "minimum": 1},
        messages=_MESSAGES,
        system=CONTENT,
        stream=STREAM,
        temperature=NUMBER,
        top_p=NUMBER,
        stop_sequences=array(STRING),
        tools=TOOLS,
        tool_choice=OBJECT,
        thinking=OBJECT,
    ),
    "CountTokensRequest": record(
        ["model", "messages"], model=MODEL, messages=_MESSAGES, system=CONTENT, tools=TOOLS, thinking=OBJECT
    ),
    "CountTokensAnswer": record(["input_tokens"], input_tokens=COUNT),
    "MessagesUsage": record(
        ["output_tokens"],
        input_tokens=said(nullable(COUNT), "Without those of a cache."),
        output_tokens=COUNT,
        cache_creation_input_tokens=said(nullable(COUNT), "Written to a cache."),
        cache_read_input_tokens=said(nullable(COUNT), "Read from a cache."),
    ),
    "MessagesAnswer": record(
        ["id", "type", "role", "model", "content", "usage"],
        id=STRING,
        type={"const": "message"},
        role={"const": "assistant"},
        model=said(STRING, "The id that was asked for."),
        content=array(record(["type"], type=said(STRING, "`text`, `thinking`, `tool_use` …"), text=STRING)),
        stop_reason=said(nullable(STRING), "`end_turn`, `max_tokens`, `stop_sequence`, `tool_use` or `refusal`."),
        stop_sequence=nullable(STRING),
        usage=ref("MessagesUsage"),
    ),
    "MessagesEvent": record(
        ["type"],
        type={"enum": _EVENTS},
        message=said(OBJECT, "Of `message_start`: the answer, still empty."),
        index=said(COUNT, "Of `content_block_…`: which block."),
        content_block=said(OBJECT, "Of `content_block_start`."),
        delta=said(OBJECT, "What is added: `text_delta`, `input_json_delta` …, at the end the `stop_reason`."),
        usage=said(ref("MessagesUsage"), "Of `message_delta`."),
        error=said(OBJECT, "Of `error`: the answer broke off."),
    ),
}
