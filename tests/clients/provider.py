"""The provider behind the gateway in the clients' tests: what it answers to which prompt, in either protocol."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from catalog.pricing import Usage
from tests.upstreams import scripts, wire
from tests.upstreams.server import Exchange, Script

SIGNATURE = "c2lnbmVkIGJ5IHRoZSBwcm92aWRlcg=="
PIECES = ("Zwei ", "Pfläumchen")
# What each answer uses, in the words of the two protocols and in the ledger's.
OPENAI_USAGE = {
    "prompt_tokens": 1500,
    "completion_tokens": 200,
    "total_tokens": 1700,
    "prompt_tokens_details": {"cached_tokens": 500},
}
ANTHROPIC_USAGE = {
    "input_tokens": 1000,
    "cache_read_input_tokens": 500,
    "cache_creation_input_tokens": 0,
    "output_tokens": 200,
}
USAGE = Usage(input_tokens=1000, cache_read_tokens=500, output_tokens=200)


@dataclass(frozen=True)
class Call:
    """A tool call that the model makes."""

    id: str
    name: str
    arguments: dict[str, Any]


def openai_text() -> Script:
    return scripts.stream(*wire.openai_stream(*PIECES, usage=OPENAI_USAGE))


def anthropic_text() -> Script:
    _start, *middle, _end, stop = wire.anthropic_stream(*PIECES)
    return scripts.stream(wire.anthropic_start(ANTHROPIC_USAGE), *middle, wire.anthropic_delta(ANTHROPIC_USAGE), stop)


def openai_calls(*calls: Call, thought: str = "") -> Script:
    """The thought if any, then each call's name and its arguments in two pieces."""
    pieces = [wire.OPENAI_ROLE, *([wire.openai_chunk({"reasoning_content": thought})] if thought else [])]
    for index, call in enumerate(calls):
        given = json.dumps(call.arguments)
        first = {"index": index, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
        rest = [{"index": index, "function": {"arguments": half}} for half in (given[:5], given[5:])]
        pieces += [wire.openai_chunk({"tool_calls": [delta]}) for delta in (first, *rest)]
    return scripts.stream(*pieces, wire.openai_chunk({}, "tool_calls"), wire.openai_usage(OPENAI_USAGE), wire.DONE)


def anthropic_calls(*calls: Call, thought: str = "") -> Script:
    """The signed thought if any, then each call a block with its input in two pieces."""
    blocks = [_thinking(thought)] if thought else []
    for call in calls:
        given = json.dumps(call.arguments)
        block = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        blocks.append((block, [{"type": "input_json_delta", "partial_json": half} for half in (given[:5], given[5:])]))
    pieces = [wire.anthropic_start(ANTHROPIC_USAGE)]
    for index, (block, deltas) in enumerate(blocks):
        pieces.append(wire.anthropic_event(type="content_block_start", index=index, content_block=block))
        pieces += [wire.anthropic_event(type="content_block_delta", index=index, delta=delta) for delta in deltas]
        pieces.append(wire.anthropic_event(type="content_block_stop", index=index))
    end = wire.anthropic_event(
        type="message_delta", delta={"stop_reason": "tool_use", "stop_sequence": None}, usage=ANTHROPIC_USAGE
    )
    return scripts.stream(*pieces, end, wire.ANTHROPIC_STOP)


def _thinking(thought: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    deltas = [{"type": "thinking_delta", "thinking": thought}, {"type": "signature_delta", "signature": SIGNATURE}]
    return {"type": "thinking", "thinking": "", "signature": ""}, deltas


@dataclass(frozen=True)
class Provider:
    """A provider of one protocol."""

    protocol: str
    whole: Script
    text: Script
    calls: Callable[..., Script]
    broken: Script
    results: Callable[[Any], dict[str, str]]

    def script(self, *calls: Call, thought: str = "") -> Script:
        """Answers by the case that the prompt names; without one, and after tool results, with text."""
        called = self.calls(*calls, thought=thought)

        async def script(exchange: Exchange) -> None:
            body = exchange.request.json
            streamed = body.get("stream", False)
            said = exchange.request.body
            if exchange.request.target.endswith("count_tokens"):
                await scripts.whole({"input_tokens": 42})(exchange)
            elif b"case:busy" in said:
                await scripts.whole({"error": {"message": "Slow down"}}, status=429)(exchange)
            elif b"case:cut" in said:
                await self.broken(exchange)
            elif b"case:tools" in said and body.get("tools") and not self.results(body):
                await called(exchange)
            else:
                await (self.text if streamed else self.whole)(exchange)

        return script


def _openai_results(body: Any) -> dict[str, str]:
    return {each["tool_call_id"]: each["content"] for each in body["messages"] if each["role"] == "tool"}


def _anthropic_results(body: Any) -> dict[str, str]:
    blocks = [block for each in body["messages"] for block in each["content"] if isinstance(block, dict)]
    return {block["tool_use_id"]: _text(block["content"]) for block in blocks if block["type"] == "tool_result"}


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(block["text"] for block in content)


OPENAI = Provider(
    "openai_chat",
    scripts.whole(wire.openai_answer("".join(PIECES), usage=OPENAI_USAGE)),
    openai_text(),
    openai_calls,
    scripts.stream(wire.OPENAI_ROLE, wire.openai_chunk({"content": "Zwei"}), end="cut"),
    _openai_results,
)
ANTHROPIC = Provider(
    "anthropic_messages",
    scripts.whole(wire.anthropic_answer("".join(PIECES), usage=ANTHROPIC_USAGE)),
    anthropic_text(),
    anthropic_calls,
    scripts.stream(wire.anthropic_start(), wire.ANTHROPIC_BLOCK, wire.anthropic_text("Zwei"), end="cut"),
    _anthropic_results,
)
