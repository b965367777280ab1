"""Hold and finish pairs a second through the gateway's batches: `python -m tests.bench.ledger`."""

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path

import anyio
import uvloop
from psycopg_pool import AsyncConnectionPool

from billing.holds import FinishRequest, HoldRequest, LedgerClient
from catalog.pricing import Usage
from gateway.request_id import request_id_make
from tests.billing.books import USD, Books, Place, ledger_installed
from tokenoutput.embedded import database_running


async def pairs(client: LedgerClient, wallets: list[int], seconds: float, latencies: list[float]) -> None:
    end = time.perf_counter() + seconds
    number = 0
    while (begun := time.perf_counter()) < end:
        wallet = wallets[number % len(wallets)]
        number += 1
        request = request_id_make()
        hold = HoldRequest(request, wallet, 1, None, 1, 1, "openai_chat", 5_000)
        answer = await client.hold(hold)
        assert answer.decision == "held"
        latencies.append(time.perf_counter() - begun)
        finish = FinishRequest(
            request, wallet, "completed", "upstream", 3_000, 2_000, 1, "openai_chat", Usage(10, output_tokens=5), 3, 9
        )  # fmt: skip
        await client.finish(finish)


async def measure(place: Place, wallets: list[int], *, in_flight: int, seconds: float) -> str:
    latencies: list[float] = []
    async with AsyncConnectionPool(
        kwargs=place.parameters(autocommit=True), min_size=4, max_size=4, open=False
    ) as pool:
        await pool.wait()
        client = LedgerClient(pool, 1)
        async with anyio.create_task_group() as loops:
            loops.start_soon(client.run)
            before, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
            async with anyio.create_task_group() as callers:
                for first in range(in_flight):
                    turned = wallets[first % len(wallets) :] + wallets[: first % len(wallets)]
                    callers.start_soon(pairs, client, turned, seconds, latencies)
            took, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF)
            loops.cancel_scope.cancel()
    n = len(latencies)
    latencies.sort()
    cpu = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / n * 1e6
    return (
        f"{n / took:8.0f} pairs/s, hold p50 {latencies[n // 2] * 1e3:.2f} ms,"
        f" p99 {latencies[n * 99 // 100] * 1e3:.2f} ms,"
        f" {cpu:.0f} us of Python a pair"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--version", type=int, default=18)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        database_running(Path(folder), version=options.version),
        ledger_installed(Path(folder)) as place,
        place.connect() as connection,
    ):
        books = Books(connection)
        for name, wallets in [
            ("one wallet", [books.wallet(1000)]),
            ("200 wallets", [books.wallet(1000) for _ in range(200)]),
            ("one wallet, one at a time", [books.wallet(1000)]),
        ]:
            in_flight = 1 if name.endswith("time") else options.in_flight
            run = measure(place, wallets, in_flight=in_flight, seconds=options.seconds)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                sys.stdout.write(f"{name:26} {runner.run(run)}\n")
        begun, settled = time.perf_counter(), 0
        while batch := books.settle():
            settled += batch
        sys.stdout.write(f"{'settlement':26} {settled / (time.perf_counter() - begun):8.0f} records/s of {settled}\n")
        books.check()
        assert books.balance("revenue") * USD == settled * 3_000


if __name__ == "__main__":
    main()
