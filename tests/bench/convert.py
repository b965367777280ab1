"""CPU an event of a stream, relayed and converted, metering aside: `python -m tests.bench.convert [EVENTS]`."""

import sys
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
# A busy machine slows whole stretches down: the best of so many is one it left alone.
ROUNDS = 20
# The promise: no converted event costs more.
BAR_MICROS = 25
REQUEST = {"model": "public-1", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]}
RESPONSE = {"model": "public-1", "input": "Hi"}


def streams(count: int) -> Mapping[str, tuple[ModuleType, bytes]]:
    """Long answers of both protocols: text, and the arguments of one call."""
    words = ["plum "] * count
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


def measured(wire: ModuleType, data: bytes) -> dict[str, float]:
    """Microseconds of CPU an event, by what is done to it."""
    upstream = "openai_chat" if wire is openai else "anthropic_messages"
    client = "anthropic_messages" if wire is openai else "openai_chat"
    begun = time.process_time()
    events = EventParser().feed(data)
    parse = (time.process_time() - begun) / len(events) * 1e6
    ways = {
        "relay": CONVERSIONS[upstream, upstream](asked_make(REQUEST)),  # type: ignore[index] # both are protocols
        "convert": CONVERSIONS[client, upstream](asked_make(REQUEST)),  # type: ignore[index] # both are protocols
        "responses": CONVERSIONS["openai_responses", upstream](asked_make(RESPONSE)),  # type: ignore[index] # as above
    }
    return {
        "parse": parse,
        "meter": micros(events, wire.StreamReader, lambda reader, event: reader.feed(event)),
        **{name: micros(events, way.stream, convert_take) for name, way in ways.items()},
    }


def main(count: int) -> int:
    """The report; 0 where every conversion is within the bar."""
    print(f"{'us of CPU an event':<26}{'parse':>8}{'meter':>8}{'relay':>8}{'convert':>9}{'responses':>11}")  # noqa: T201 -- a report
    worst = 0.0
    for name, (wire, data) in streams(count).items():
        cost = measured(wire, data)
        worst = max(worst, cost["convert"], cost["responses"])
        print(  # noqa: T201 -- a report
            f"{name:<26}{cost['parse']:>8.1f}{cost['meter']:>8.1f}{cost['relay']:>8.1f}"
            f"{cost['convert']:>9.1f}{cost['responses']:>11.1f}"
        )
    verdict = "within" if worst <= BAR_MICROS else "OVER"
    print(f"the dearest conversion: {worst:.1f} us an event, {verdict} the bar of {BAR_MICROS} us")  # noqa: T201 -- a report
    return 0 if worst <= BAR_MICROS else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS))
