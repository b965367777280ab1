"""Asking a converter the way the relay does, and reading what comes back the way an SDK does."""

import json
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

import msgspec

from gateway.convert.anthropic_openai import AnthropicToOpenAI
from gateway.convert.conversion import Asked, Conversion
from gateway.convert.openai_anthropic import OpenAIToAnthropic
from gateway.wire.body import members_decode
from gateway.wire.sse import Event, EventParser

HI = [{"role": "user", "content": "Hi"}]


def asked_make(request: Mapping[str, Any], *, upstream_model: str = "upstream-1", **more: Any) -> Asked:
    given: dict[str, Any] = {
        "members": members_decode(json.dumps(request).encode()),
        "public_id": "public-1",
        "upstream_model": upstream_model,
        "max_output_tokens": None,
        "max_output_default": 8000,
        "include_usage": True,
        "prompt_bytes": 100,
        "created_seconds": 1_790_000_000,
        "capabilities": frozenset(),
    }
    return Asked(**{**given, **more})


def to_openai(*, upstream_model: Any = "upstream-1", asked: Any = None, **request: Any) -> Any:
    """Row 2: the converter for an Anthropic client's request."""
    whole = {"model": "public-1", "max_tokens": 100, "messages": HI, **request}
    return AnthropicToOpenAI(asked_make(whole, upstream_model=upstream_model, **(asked or {})))


def to_anthropic(*, upstream_model: Any = "claude-sonnet-4-5", asked: Any = None, **request: Any) -> Any:
    """Row 3: the converter for an OpenAI client's request."""
    whole = {"model": "public-1", "messages": HI, **request}
    return OpenAIToAnthropic(asked_make(whole, upstream_model=upstream_model, **(asked or {})))


def sent(conversion: Conversion) -> Any:
    """What goes upstream."""
    return json.loads(conversion.body)


def events_of(data: bytes) -> list[Event]:
    parser = EventParser()
    return parser.feed(data) + parser.finish()


def relayed(conversion: Conversion, upstream: bytes, *, wire: ModuleType) -> tuple[bytes, bool]:
    """(what the client gets, whether the upstream ended properly), cut off where the relay stops."""
    return relayed_events(conversion, events_of(upstream), wire=wire)


def relayed_events(conversion: Conversion, events: Iterable[Event], *, wire: ModuleType) -> tuple[bytes, bool]:
    reader, stream, said = wire.StreamReader(), conversion.stream(), b""
    for event in events:
        seen = reader.feed(event)
        try:
            said += stream.feed(event, usage_only=seen.usage_only)
        except msgspec.DecodeError:
            return said, False
        if seen.error is not None:
            return said, False
        if seen.ended:
            return said + stream.finish(), True
    return said, False


def openai_stream(*chunks: Mapping[str, Any] | bytes, done: bool = True) -> bytes:
    """Chunks; one without choices or error is a delta."""
    lines = []
    for chunk in chunks:
        if isinstance(chunk, bytes):
            lines.append(chunk)
            continue
        whole = {"id": "chatcmpl-7", "object": "chat.completion.chunk", "created": 1, "model": "upstream-1", **chunk}
        lines.append(b"data: " + json.dumps(whole).encode() + b"\n\n")
    return b"".join([*lines, b"data: [DONE]\n\n"] if done else lines)


def piece(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def call(index: int | None = None, arguments: Any = None, **more: Any) -> dict[str, Any]:
    """A chunk with one piece of a call."""
    function = {name: more.pop(name) for name in ("name",) if name in more}
    function |= {} if arguments is None else {"arguments": arguments}
    return piece(tool_calls=[{**({} if index is None else {"index": index}), **more, "function": function}])


OPENAI_USAGE = {"prompt_tokens": 50, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 20}}
USAGE_CHUNK = {"choices": [], "usage": OPENAI_USAGE}


def anthropic_stream(*events: Mapping[str, Any] | bytes) -> bytes:
    return b"".join(
        event if isinstance(event, bytes) else f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
        for event in events
    )


START = {
    "type": "message_start",
    "message": {
        "id": "msg_7",
        "type": "message",
        "role": "assistant",
        "model": "upstream-1",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 30, "cache_read_input_tokens": 20, "output_tokens": 1},
    },
}
STOP = {"type": "message_stop"}


def start(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, kind: str, **said: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **said}}


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def text_block(index: int, *texts: str) -> list[dict[str, Any]]:
    deltas = [delta(index, "text_delta", text=text) for text in texts]
    return [start(index, type="text", text=""), *deltas, stop(index)]


def call_block(index: int, name: str, *fragments: str, call_id: str = "toolu_1") -> list[dict[str, Any]]:
    deltas = [delta(index, "input_json_delta", partial_json=fragment) for fragment in fragments]
    return [start(index, type="tool_use", id=call_id, name=name, input={}), *deltas, stop(index)]


def end(reason: str = "end_turn", **more: Any) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": reason, **more}, "usage": {"output_tokens": 7}}


def message_read(stream: bytes, *, ended: bool = True) -> dict[str, Any]:
    """Reads an Anthropic stream and holds it to the grammar; the message as an SDK would put it together."""
    message: dict[str, Any] = {}
    open_index: int | None = None
    kinds: list[str] = []
    for event in events_of(stream):
        value = json.loads(event.data)
        assert event.event == value["type"]
        kinds.append(value["type"])
        match value["type"]:
            case "message_start":
                assert not message
                message = {**value["message"], "content": []}
                assert isinstance(message["usage"]["input_tokens"], int)
            case "content_block_start":
                assert open_index is None
                assert value["index"] == len(message["content"])
                open_index = value["index"]
                message["content"].append({**value["content_block"], "_json": ""})
            case "content_block_delta":
                assert value["index"] == open_index
                _block_take(message["content"][-1], value["delta"])
            case "content_block_stop":
                assert value["index"] == open_index
                open_index = None
            case "message_delta":
                assert open_index is None
                message |= value["delta"]
                message["usage"] = {**message["usage"], **value["usage"]}
            case kind:
                assert kind in ("ping", "message_stop")
                assert message
    assert kinds.count("message_stop") == kinds.count("message_delta") == int(ended)
    assert not ended or kinds[-2:] == ["message_delta", "message_stop"]
    for block in message.get("content", []):
        written = block.pop("_json")
        if block["type"] == "tool_use" and ended:
            block["input"] = json.loads(written) if written else {}
    return message


def _block_take(block: dict[str, Any], said: Mapping[str, Any]) -> None:
    match said:
        case {"type": "text_delta", "text": text}:
            assert block["type"] == "text"
            block["text"] += text
        case {"type": "thinking_delta", "thinking": text}:
            assert block["type"] == "thinking"
            block["thinking"] += text
        case {"type": "input_json_delta", "partial_json": text}:
            assert block["type"] == "tool_use"
            block["_json"] += text
        case _:
            raise AssertionError(said)


def completion_read(stream: bytes, *, ended: bool = True, include_usage: bool = True) -> dict[str, Any]:
    """Reads an OpenAI stream and holds it to the form; {message, finish_reason, usage, head}."""
    message: dict[str, Any] = {"content": "", "tool_calls": []}
    read: dict[str, Any] = {"message": message, "finish_reason": None, "usage": None}
    data = [event.data for event in events_of(stream) if event.data]
    assert (data[-1:] == [b"[DONE]"]) is ended
    for at, chunk in enumerate(json.loads(one) for one in data if one != b"[DONE]"):
        head = {name: chunk[name] for name in ("id", "object", "created", "model")}
        assert read.setdefault("head", head) == head
        assert ("usage" in chunk) is include_usage
        if not chunk["choices"]:
            assert read["finish_reason"]
            assert read["usage"] is None
            read["usage"] = chunk["usage"]
            continue
        [choice] = chunk["choices"]
        assert choice["index"] == 0
        assert read["finish_reason"] is None
        assert ("role" in choice["delta"]) is (at == 0)
        read["finish_reason"] = choice["finish_reason"]
        _choice_take(message, choice["delta"])
    assert bool(read["finish_reason"]) is ended
    return read


def _choice_take(message: dict[str, Any], said: Mapping[str, Any]) -> None:
    for name, value in said.items():
        match name:
            case "role":
                message[name] = value
            case "tool_calls":
                _calls_take(message["tool_calls"], value)
            case "function_call":
                known = message.setdefault(name, {"arguments": ""})
                known["arguments"] += value["arguments"]
                known |= {"name": value["name"]} if "name" in value else {}
            case "reasoning_details":
                message[name] = [*message.get(name, []), *value]
            case _:
                message[name] = message.get(name, "") + value


def _calls_take(calls: list[dict[str, Any]], pieces: Sequence[Mapping[str, Any]]) -> None:
    for one in pieces:
        if one["index"] == len(calls):
            assert one["type"] == "function"
            calls.append({"id": one["id"], "name": one["function"]["name"], "arguments": ""})
        assert one["index"] == len(calls) - 1
        calls[-1]["arguments"] += one["function"]["arguments"]
