"""CPU an event of a stream, relayed and converted, metering aside: `python -m tests.bench.convert`."""

import time
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from gateway.convert import CONVERSIONS
from gateway.convert.conversion import StreamConversion
from gateway.wire import anthropic, openai
from gateway.wire.sse import Event, EventParser
from tests.gateway.convert.asks import (
    START,
    STOP,
    USAGE_CHUNK,
    anthropic_stream,
    asked_make,
    call,
    delta,
    end,
    openai_stream,
    piece,
    start,
    stop,
    text_block,
)

EVENTS = 5_000
ROUNDS = 5
REQUEST = {"model": "public-1", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]}


def streams() -> Mapping[str, tuple[ModuleType, bytes]]:
    """Long answers of both protocols: text, and the arguments of one call."""
    words = ["plum "] * EVENTS
    parts = ['{"a":"', *words, '"}']
    arguments = [delta(0, "input_json_delta", partial_json=one) for one in parts]
    tool = [start(0, type="tool_use", id="t", name="look", input={}), *arguments, stop(0)]
    pieces = [call(0, "", id="t", name="look"), *(call(0, one) for one in parts)]
    return {
        "openai_chat text": (openai, openai_stream(*(piece(content=one) for one in words), piece("stop"), USAGE_CHUNK)),
        "openai_chat call": (openai, openai_stream(*pieces, piece("tool_calls"), USAGE_CHUNK)),
        "anthropic_messages text": (anthropic, anthropic_stream(START, *text_block(0, *words), end(), STOP)),
        "anthropic_messages call": (anthropic, anthropic_stream(START, *tool, end("tool_use"), STOP)),
    }


def micros(events: list[Event], begin: Callable[[], Any], take: Callable[[Any, Event], object]) -> float:
    """The best of some rounds, in microseconds of CPU an event."""
    best = float("inf")
    for _ in range(ROUNDS):
        state, begun = begin(), time.process_time()
        for event in events:
            take(state, event)
        best = min(best, time.process_time() - begun)
    return best / len(events) * 1e6


def convert_take(stream: StreamConversion, event: Event) -> object:
    return stream.feed(event, usage_only=False)


def main() -> None:
    print(f"{'stream':<26}{'parse':>8}{'meter':>8}{'relay':>8}{'convert':>9}  us of CPU an event")  # noqa: T201 -- a report
    for name, (wire, data) in streams().items():
        events = EventParser().feed(data)
        upstream = "openai_chat" if wire is openai else "anthropic_messages"
        client = "anthropic_messages" if wire is openai else "openai_chat"
        same = CONVERSIONS[upstream, upstream](asked_make(REQUEST))  # type: ignore[index] # both are protocols
        other = CONVERSIONS[client, upstream](asked_make(REQUEST))  # type: ignore[index] # both are protocols
        begun = time.process_time()
        EventParser().feed(data)
        parse = (time.process_time() - begun) / len(events) * 1e6
        meter = micros(events, wire.StreamReader, lambda reader, event: reader.feed(event))
        relay, convert = micros(events, same.stream, convert_take), micros(events, other.stream, convert_take)
        print(f"{name:<26}{parse:>8.1f}{meter:>8.1f}{relay:>8.1f}{convert:>9.1f}")  # noqa: T201 -- a report


if __name__ == "__main__":
    main()
