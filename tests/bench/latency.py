"""What the gateway adds to a request, and what one costs it: `python -m tests.bench.latency [--seconds N]`.

Each round asks the mock upstream directly and then through the gateway, so that only their difference and their ratio
within one run count; absolute numbers are this machine's, at this moment.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import uvloop

from tests.bench.mock_upstream import CHUNKS
from tests.bench.platform import MODEL, Place, running

IN_FLIGHT = 64
PACED_STREAMS = 100


@dataclass(frozen=True)
class Ask:
    """One way to ask: whom, and what."""

    port: int
    request: bytes

    @classmethod
    def of(cls, port: int, key: str, **members: object) -> "Ask":
        body = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 100, **members}
        data = json.dumps(body, separators=(",", ":")).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n"
        head += f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
        return cls(port, head.encode() + data)


class Connection:
    """A kept-alive connection; `ask` gives the seconds to the first content and to the end."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def __aenter__(self) -> "Connection":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._ask.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def ask(self) -> tuple[float, float]:
        begun = time.perf_counter()
        self._writer.write(self._ask.request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            sys.exit(f"refused: {head.decode()} {(await self._reader.read(2000)).decode()}")
        lowered = head.lower()
        if b"content-length:" in lowered:
            await self._reader.readexactly(int(lowered.partition(b"content-length:")[2].partition(b"\r\n")[0]))
            return (ended := time.perf_counter() - begun), ended
        await self._reader.readuntil(b'"content":" word')
        first = time.perf_counter() - begun
        await self._reader.readuntil(b"data: [DONE]\n\n")
        await self._reader.readuntil(b"0\r\n\r\n")
        return first, time.perf_counter() - begun


async def one_by_one(ask: Ask, seconds: float) -> list[tuple[float, float]]:
    """An idle server: one request after the other."""
    timings, until = [], time.perf_counter() + seconds
    async with Connection(ask) as connection:
        while time.perf_counter() < until:
            timings.append(await connection.ask())
    return timings


async def many_at_once(ask: Ask, seconds: float) -> int:
    """A busy server; how many requests were answered."""
    answered, until = 0, time.perf_counter() + seconds

    async def keep_asking() -> None:
        nonlocal answered
        async with Connection(ask) as connection:
            while time.perf_counter() < until:
                await connection.ask()
                answered += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(IN_FLIGHT):
            tasks.create_task(keep_asking())
    return answered


async def paced(ask: Ask, _seconds: float) -> int:
    """So many streams at once, each with a pause between its chunks."""

    async def once() -> None:
        async with Connection(ask) as connection:
            await connection.ask()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(PACED_STREAMS):
            tasks.create_task(once())
    return PACED_STREAMS


def run[T](work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def idle(place: Place, seconds: float, rounds: int) -> None:
    """Direct and through, in turns: the added milliseconds."""
    kinds: list[tuple[str, dict[str, Any]]] = [("whole", {}), ("streamed", {"stream": True})]
    for name, members in kinds:
        direct, through = Ask.of(place.upstream_port, "x", **members), Ask.of(place.gateway_port, place.key, **members)
        added: list[tuple[float, float]] = []
        for _ in range(rounds):
            sides = [run(one_by_one(ask, seconds)) for ask in (direct, through)]
            firsts = [statistics.median(first for first, _ in side) for side in sides]
            ends = [statistics.quantiles([end for _, end in side], n=20) for side in sides]
            added.append((firsts[1] - firsts[0], ends[1][18] - ends[0][18]))
        first, late = (statistics.median(column) * 1000 for column in zip(*added, strict=True))
        say(f"idle, {name}", f"+{first:.2f} ms to first content (median), +{late:.2f} ms to the end (95th percentile)")


def busy(place: Place, seconds: float) -> None:
    """CPU of the gateway's process and of PostgreSQL's for each request."""
    kinds: list[tuple[str, Any, dict[str, Any]]] = [
        ("whole", many_at_once, {}),
        (f"stream of {CHUNKS} chunks", many_at_once, {"stream": True}),
        (f"stream of {CHUNKS} chunks 10 ms apart", paced, {"stream": True, "pause_ms": 10}),
    ]
    for name, work, members in kinds:
        ask = Ask.of(place.gateway_port, place.key, **members)
        before = place.gateway_cpu_seconds(), place.postgres_cpu_seconds()
        begun = time.perf_counter()
        answered = run(work(ask, seconds))
        took = time.perf_counter() - begun
        gateway, postgres = place.gateway_cpu_seconds() - before[0], place.postgres_cpu_seconds() - before[1]
        say(
            name,
            f"{gateway / answered * 1e6:6.0f} us of CPU a request, PostgreSQL {postgres / answered * 1e6:4.0f} us,"
            f" {answered / took:6.0f} requests/s, {place.gateway_memory_mb():.0f} MB",
        )


def say(name: str, result: str) -> None:
    sys.stdout.write(f"{name:36} {result}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3, help="for each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="of the idle measurements")
    options = parser.parse_args()
    with running() as place:
        run(many_at_once(Ask.of(place.gateway_port, place.key), 1))  # Warm, as a server is.
        idle(place, options.seconds / 3, options.rounds)
        busy(place, options.seconds)


if __name__ == "__main__":
    main()
