"""Settlement: records a second, and its lag behind a load, against their bars: `python -m tests.bench.settlement`."""

import argparse
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

from gateway.request_id import request_id_make
from tests.bench.bars import Bars
from tests.billing.books import Books, Place, ledger_installed
from tokenoutput.embedded import database_running

BATCH = 100
SETTLE_LIMIT = 5_000  # as the worker's
SWEEP_SECONDS = 2.0  # as the schedule has it
OLDEST = "SELECT extract(epoch FROM now() - min(created_at)) FROM usage_record WHERE settlement_id IS NULL"


def finished(books: Books, wallets: list[int], count: int) -> None:
    """So many requests of random wallets, held and finished, a hundred at a time."""
    for _ in range(count // BATCH):
        asked = [(request_id_make(), random.choice(wallets), 0.000005) for _ in range(BATCH)]
        books.hold_many(asked, key=random.randrange(1, 20))
        books.finish_many([(request, wallet, 0.000003) for request, wallet, _ in asked], input=10, output=5, cost=1e-6)


def drained(books: Books) -> float:
    """Settle all that waits, in batches as the worker's; records a second."""
    begun, settled = time.perf_counter(), 0
    while batch := books.settle(SETTLE_LIMIT):
        settled += batch
    return settled / (time.perf_counter() - begun)


def lag(bars: Bars, place: Place, wallets: list[int], *, per_second: int, seconds: float) -> None:
    """The age of the oldest record that waits, looked at just before each sweep, under a steady load."""
    over, made = threading.Event(), [0]

    def load() -> None:
        with place.connect() as connection:
            books, begun = Books(connection), time.perf_counter()
            while not over.is_set():
                finished(books, wallets, BATCH)
                made[0] += BATCH
                over.wait(max(0.0, begun + made[0] / per_second - time.perf_counter()))

    thread = threading.Thread(target=load)
    thread.start()
    ages, took = [], []
    with place.connect() as connection:
        books, until = Books(connection), time.perf_counter() + seconds
        while time.perf_counter() < until:
            time.sleep(SWEEP_SECONDS)
            ages.append(float(books.one(OLDEST) or 0))
            begun = time.perf_counter()
            while books.settle(SETTLE_LIMIT) == SETTLE_LIMIT:
                pass
            took.append(time.perf_counter() - begun)
        over.set()
        thread.join()
    bars.most(f"lag at {made[0] / seconds:,.0f} requests/s", max(ages), 5, "s")
    bars.say("", f"{max(took) * 1e3:10.0f} ms a sweep at most")


def checked(books: Books) -> str:
    """What the check of each minute and that of the night cost on these books."""
    times = []
    for query in (
        "SELECT count(*) FROM ledger_violations_open()",
        "SELECT count(*) FROM ledger_violations_settled((SELECT max(id) - 20 FROM settlement))",
        "SELECT count(*) FROM ledger_violation",
    ):
        begun = time.perf_counter()
        assert books.one(query) == 0
        times.append(f"{(time.perf_counter() - begun) * 1e3:.0f} ms")
    return "{:>10} wallets and holds, {} the last 20 settlements, {} everything".format(*times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--per-second", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--version", type=int, default=18)
    options = parser.parse_args()
    bars = Bars()
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
        ]:
            finished(books, wallets, options.records)
            bars.least(f"settlement, {name}", drained(books), 20_000, "records/s")
        lag(bars, place, wallets, per_second=options.per_second, seconds=options.seconds)
        bars.say("checks", checked(books))
    return bars.end()


if __name__ == "__main__":
    sys.exit(main())
