"""Hold and finish through the gateway's batches, against their bars: `python -m tests.bench.ledger`.

The best of some rounds counts: other work on the machine makes a round slower, never faster. The rounds of one wallet
and of many take turns, so that both see the same machine.
"""

import argparse
import asyncio
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import anyio
import uvloop
from psycopg_pool import AsyncConnectionPool

from billing.holds import FinishRequest, HoldRequest, LedgerClient
from catalog.pricing import Usage
from gateway.request_id import request_id_make
from tests.bench.bars import Bars
from tests.billing.books import USD, Books, Place, ledger_installed
from tokenoutput.embedded import database_running

IN_FLIGHT = 64
PER_SECOND = 1_000
RECORDS = 100_000
CHARGE_NANOS = 3_000
BATCH = 100


@dataclass(frozen=True)
class Round:
    """What one round measured: sorted seconds of each hold and of each pair, how long it took, and our own CPU."""

    holds: list[float]
    pairs: list[float]
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        return len(self.pairs) / self.seconds

    @property
    def hold_p99_ms(self) -> float:
        return self.holds[len(self.holds) * 99 // 100] * 1e3


class Load:
    """Pairs of hold and finish, and what each took."""

    def __init__(self, client: LedgerClient, wallets: list[int]) -> None:
        self._client, self._wallets = client, wallets
        self.holds: list[float] = []
        self.pairs: list[float] = []

    async def pair(self, number: int) -> None:
        begun = time.perf_counter()
        wallet, request = self._wallets[number % len(self._wallets)], request_id_make()
        answer = await self._client.hold(HoldRequest(request, wallet, 1, None, 1, 1, "openai_chat", 5_000))
        assert answer.decision == "held"
        self.holds.append(time.perf_counter() - begun)
        finish = FinishRequest(
            request, wallet, "completed", "upstream", CHARGE_NANOS, 2_000, 1, "openai_chat",
            Usage(10, output_tokens=5), 3, 9,
        )  # fmt: skip
        await self._client.finish(finish)
        self.pairs.append(time.perf_counter() - begun)

    async def at_once(self, seconds: float, *, in_flight: int) -> None:
        """So many in flight: each begins another pair when its last one ended."""
        end = time.perf_counter() + seconds

        async def caller(number: int) -> None:
            while time.perf_counter() < end:
                await self.pair(number)
                number += 1

        async with anyio.create_task_group() as callers:
            for number in range(in_flight):
                callers.start_soon(caller, number)

    async def paced(self, seconds: float, *, per_second: int) -> None:
        """So many begin each second, whether or not earlier ones ended."""
        begun, number = time.perf_counter(), 0
        async with anyio.create_task_group() as callers:
            while (now := time.perf_counter()) < begun + seconds:
                while number < (now - begun) * per_second:
                    callers.start_soon(self.pair, number)
                    number += 1
                await anyio.sleep(0.001)


def measured(place: Place, wallets: list[int], work: Callable[[Load], Awaitable[None]]) -> Round:
    """One round with a pool and an event loop as the web process has them."""

    async def measure() -> Round:
        parameters = place.parameters(autocommit=True)
        async with AsyncConnectionPool(kwargs=parameters, min_size=4, max_size=4, open=False) as pool:
            await pool.wait()
            client = LedgerClient(pool, 1)
            load = Load(client, wallets)
            async with anyio.create_task_group() as loops:
                loops.start_soon(client.run)
                before, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
                await work(load)
                took, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF)
                loops.cancel_scope.cancel()
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Round(sorted(load.holds), sorted(load.pairs), took, cpu)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(measure())


def hot(bars: Bars, place: Place, one: list[int], many: list[int], options: argparse.Namespace, *, name: str) -> None:
    """One hot wallet against many, in turns."""

    async def work(load: Load) -> None:
        await load.at_once(options.seconds, in_flight=IN_FLIGHT)

    rounds = [(measured(place, one, work), measured(place, many, work)) for _ in range(options.rounds)]
    best, spread = (max(column, key=lambda one: one.per_second) for column in zip(*rounds, strict=True))
    ratio = statistics.median(hot.per_second / cold.per_second for hot, cold in rounds)
    cpu_micros = best.cpu_seconds / len(best.pairs) * 1e6
    bars.least(f"{name}, one wallet", best.per_second, 8_000, "pairs/s")
    bars.say("", f"{best.hold_p99_ms:10.2f} ms hold p99, {cpu_micros:.0f} us of our CPU a pair")
    bars.say(f"{name}, {len(many)} wallets", f"{spread.per_second:10,.2f} pairs/s")
    bars.least(f"{name}, one / {len(many)}", ratio, 0.8, "")


def calm(bars: Bars, place: Place, wallets: list[int], options: argparse.Namespace) -> None:
    """A steady thousand a second, and one at a time."""

    async def steady(load: Load) -> None:
        await load.paced(options.seconds, per_second=PER_SECOND)

    async def alone(load: Load) -> None:
        await load.at_once(options.seconds / 2, in_flight=1)

    paced = min((measured(place, wallets, steady) for _ in range(options.rounds)), key=lambda one: one.hold_p99_ms)
    bars.most(f"hold p99 at {paced.per_second:,.0f} requests/s", paced.hold_p99_ms, 30, "ms")
    idle = min(statistics.median(measured(place, wallets, alone).pairs) for _ in range(options.rounds))
    bars.most("hold and charge at idle, median", idle * 1e3, 3, "ms")


def filled(books: Books, wallet: int, count: int) -> None:
    """So many records of this wallet today, a hundred at a time."""
    for _ in range(count // BATCH):
        asked = [(request_id_make(), wallet, 0.000005) for _ in range(BATCH)]
        books.hold_many(asked)
        books.finish_many([(request, at, CHARGE_NANOS / USD) for request, at, _ in asked], input=10, output=5)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--version", type=int, default=18, help="of PostgreSQL")
    options = parser.parse_args()
    bars = Bars()
    with (
        tempfile.TemporaryDirectory() as folder,
        database_running(Path(folder), version=options.version),
        ledger_installed(Path(folder)) as place,
        place.connect() as connection,
    ):
        books = Books(connection)
        one, many = [books.wallet(10_000)], [books.wallet(10_000) for _ in range(200)]
        hot(bars, place, one, many, options, name=f"{IN_FLIGHT} in flight")
        calm(bars, place, one, options)
        filled(books, one[0], options.records)
        hot(bars, place, one, many, options, name=f"with {options.records:,} records")
        settled = 0
        while batch := books.settle():
            settled += batch
        books.check()
        assert round(books.balance("revenue") * USD) == settled * CHARGE_NANOS
    return bars.end()


if __name__ == "__main__":
    sys.exit(main())
