"""What an answer means to the one who reads it, told apart from the product's own code: both protocols, both forms."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

FINISHES = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
STOPS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "compaction": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


@dataclass
class Meaning:
    """`tools` are (name, arguments). `ended`: properly; `error`: the protocol's own error was there."""

    text: str = ""
    thinking: str = ""
    details: str = ""  # the same once more, in the words that can carry signatures
    tools: list[tuple[str, Any]] = field(default_factory=list)
    stop: str | None = None
    prompt: int | None = None
    output: int | None = None
    refused: bool = False
    ended: bool = False
    error: bool = False
    models: set[str] = field(default_factory=set)


def openai_whole(body: bytes) -> Meaning:
    """A chat completion."""
    answer, told = json.loads(body), Meaning(ended=True)
    if answer.get("error"):
        return Meaning(error=True)
    choice = answer["choices"][0]
    calls: dict[int, list[str]] = {}
    _openai_piece(told, calls, choice.get("message") or {})
    return _openai_end(told, calls, choice.get("finish_reason"), answer)


def openai_stream(body: bytes) -> Meaning:
    """Chat completion chunks."""
    told, finish = Meaning(), None
    usage: dict[str, Any] = {}
    calls: dict[int, list[str]] = {}
    for data in sse(body):
        if data == "[DONE]":
            told.ended = True
            continue
        chunk = json.loads(data)
        told.error = told.error or bool(chunk.get("error"))
        told.models |= {chunk["model"]} if chunk.get("model") else set()
        usage = chunk if chunk.get("usage") or chunk.get("x_groq", {}).get("usage") else usage
        for choice in [one for one in chunk.get("choices") or [] if not one.get("index")]:
            _openai_piece(told, calls, choice.get("delta") or {})
            finish = choice.get("finish_reason") or finish
    models = told.models
    told = _openai_end(told, calls, finish, usage)
    told.models = models
    told.ended = told.ended and not told.error
    return told


def anthropic_whole(body: bytes) -> Meaning:
    """A message."""
    answer, told = json.loads(body), Meaning(ended=True)
    if answer.get("type") == "error":
        return Meaning(error=True)
    for block in answer["content"]:
        _block(told, block, block.get("text", ""), block.get("thinking", ""), block.get("input"))
    told.stop, told.models = answer["stop_reason"], {answer["model"]}
    _anthropic_usage(told, answer["usage"])
    return told


def anthropic_stream(body: bytes) -> Meaning:
    """The events of a message."""
    told = Meaning()
    usage: dict[str, Any] = {}
    blocks: dict[int, dict[str, Any]] = {}
    refused = ""
    for data in sse(body):
        event = json.loads(data)
        match event["type"]:
            case "message_start":
                usage |= _not_null(event["message"].get("usage") or {})
                told.models.add(event["message"]["model"])
            case "content_block_start":
                blocks[event["index"]] = {**dict.fromkeys(_GROWING, ""), **event["content_block"]}
            case "content_block_delta":
                for name in _GROWING & event["delta"].keys():
                    blocks[event["index"]][name] += event["delta"][name]
            case "message_delta":
                told.stop = event["delta"].get("stop_reason") or told.stop
                refused = (event["delta"].get("stop_details") or {}).get("explanation") or ""
                usage |= _not_null(event.get("usage") or {})
            case "message_stop":
                told.ended = True
            case "error":
                told.error = True
    for index in sorted(blocks):
        block = blocks[index]
        arguments = json.loads(block["partial_json"]) if block["partial_json"] else block.get("input")
        _block(told, block, block["text"], block["thinking"], arguments)
    told.text += refused
    _anthropic_usage(told, usage)
    told.ended = told.ended and not told.error
    return told


def sse(body: bytes) -> Iterator[str]:
    """The data of every event."""
    for event in re.split(r"\r\n\r\n|\n\n|\r\r", body.decode()):
        lines = [line for line in re.split(r"\r\n|\n|\r", event) if line.startswith("data:")]
        if lines:
            yield "\n".join(line[5:].removeprefix(" ") for line in lines)


def _openai_piece(told: Meaning, calls: dict[int, list[str]], piece: Mapping[str, Any]) -> None:
    content = piece.get("content")
    for part in content if isinstance(content, list) else [{"type": "text", "text": content or ""}]:
        if part.get("type") == "thinking":
            said = part["thinking"]
            told.thinking += said if isinstance(said, str) else "".join(one.get("text", "") for one in said)
        else:
            told.text += part.get("text") or ""
    told.text += piece.get("refusal") or ""
    told.refused = told.refused or bool(piece.get("refusal"))
    told.thinking += piece.get("reasoning_content") or piece.get("reasoning") or ""
    told.details += "".join(one.get("text") or "" for one in piece.get("reasoning_details") or [])
    listed = list(piece.get("tool_calls") or [])
    if piece.get("function_call"):
        listed.append({"index": 0, "function": piece["function_call"]})
    for place, call in enumerate(listed):
        index = call.get("index", place) or 0
        name, arguments = calls.get(index, ["", ""])
        function = call.get("function") or {}
        calls[index] = [name or function.get("name") or "", arguments + (function.get("arguments") or "")]


def _openai_end(told: Meaning, calls: dict[int, list[str]], finish: str | None, holder: Mapping[str, Any]) -> Meaning:
    told.tools = [(name, json.loads(arguments or "{}")) for _, (name, arguments) in sorted(calls.items())]
    told.thinking = told.thinking or told.details
    told.stop = finish
    told.models = {holder["model"]} if holder.get("model") else set()
    usage = holder.get("usage") or holder.get("x_groq", {}).get("usage") or {}
    if usage.get("prompt_tokens") is not None:
        told.prompt, told.output = usage["prompt_tokens"], usage.get("completion_tokens", 0)
        reasoning = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
        if usage.get("total_tokens") == told.prompt + told.output + reasoning:
            told.output += reasoning
    return told


def _block(told: Meaning, block: Mapping[str, Any], text: str, thinking: str, arguments: Any) -> None:
    match block["type"]:
        case "text":
            told.text += text
        case "thinking":
            told.thinking += thinking
        case "tool_use":
            told.tools.append((block["name"], arguments or {}))


def _anthropic_usage(told: Meaning, usage: Mapping[str, Any]) -> None:
    parts = [usage.get(f"{name}input_tokens") or 0 for name in ("", "cache_read_", "cache_creation_")]
    extra = [one for one in usage.get("iterations") or [] if one.get("type") == "compaction"]
    told.prompt = sum(parts) + sum(one.get("input_tokens") or 0 for one in extra)
    told.output = (usage.get("output_tokens") or 0) + sum(one.get("output_tokens") or 0 for one in extra)


_GROWING = frozenset(("text", "thinking", "partial_json"))


def _not_null(usage: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in usage.items() if value is not None}
