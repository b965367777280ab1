"""Random traffic with cut connections and callers that leave: the books hold, every charge is the truth."""

import os
import random
import sys
import time
from collections import Counter
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import anyio
import pytest
from anyio import to_thread
from psycopg_pool import AsyncConnectionPool

from billing.holds import LedgerClient, LedgerUnavailable
from tests.billing.books import USD, Books, Place, ledger_installed
from tests.billing.test_holds import finish_of, hold_of

SECONDS = float(os.environ.get("SOAK_SECONDS", "3"))
SEED = int(os.environ.get("SOAK_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
# Each round has a ledger of its own: checking the whole books takes longer the more there is in them.
ROUND_SECONDS = 5.0
CALLERS = 64


class Round:
    """One ledger, two gateways, and what the callers were told."""

    def __init__(self, place: Place, seed: int, seconds: float) -> None:
        self.place, self.chance = place, random.Random(seed)
        self.ends = time.monotonic() + seconds
        self.count: Counter[str] = Counter()
        self.truth: dict[UUID, int] = {}  # nano-dollars of each request that a caller finished
        self.books = Books(place.connect())
        self.wallets = [self.books.wallet(5, granted=2) for _ in range(5)]
        self.keys = [self.books.new_id() for _ in self.wallets]
        self.books.limit(self.wallets[0], 3, key=self.keys[0], period="daily")
        self.books.limit(self.wallets[1], 4, period="monthly")

    @property
    def running(self) -> bool:
        return time.monotonic() < self.ends

    async def run(self) -> None:
        async with self._gateway() as one, self._gateway() as two, anyio.create_task_group() as group:
            for work in (self._settle, self._reap, self._operate):
                group.start_soon(to_thread.run_sync, work)
            group.start_soon(self._cut)
            for number in range(CALLERS):
                group.start_soon(self._call, one if number % 2 else two)
        self._check()

    @asynccontextmanager
    async def _gateway(self):
        parameters = self.place.parameters(autocommit=True, application_name="soak")
        async with AsyncConnectionPool(kwargs=parameters, min_size=2, max_size=4, timeout=2, open=False) as pool:
            client = LedgerClient(pool, 1)
            async with anyio.create_task_group() as group:
                group.start_soon(client.run)
                yield client
                group.cancel_scope.cancel()

    async def _call(self, client: LedgerClient) -> None:
        while self.running:
            which = self.chance.randrange(len(self.wallets))
            hold = hold_of(self.wallets[which], self.chance.randrange(1, 20) / 1000, api_key_id=self.keys[which])
            if self.chance.random() < 0.02:
                with anyio.move_on_after(0):  # leaves before there is an answer
                    await client.hold(hold)
                self.count["holds left"] += 1
                continue
            try:
                decision = (await client.hold(hold)).decision
            except LedgerUnavailable:
                decision = "unavailable"
            self.count[decision] += 1
            if decision == "held":
                await self._finish(client, hold)
            elif decision == "unavailable":
                # It may exist: the gateway finishes it as void, until it knows.
                await self._stubborn(client, finish_of(hold, 0, outcome="void", source="none"))
            else:
                await anyio.sleep(0.001)

    async def _finish(self, client: LedgerClient, hold) -> None:
        if self.chance.random() < 0.3:
            await anyio.sleep(self.chance.random() * 0.02)
        void = self.chance.random() < 0.1
        usd = 0 if void else self.chance.randrange(25) / 1000
        finish = finish_of(hold, usd, outcome="void" if void else "completed")
        self.truth[hold.request_id] = finish.charge_nanos
        if self.chance.random() < 0.05:
            with anyio.move_on_after(0):  # the caller is cancelled; the batcher owns the finish
                await client.finish(finish)
            self.count["finishes left"] += 1
            return
        result = await self._stubborn(client, finish)
        assert result in ("charged", "late", "duplicate"), result
        self.count[result] += 1
        if self.chance.random() < 0.05:
            assert await self._stubborn(client, finish) == "duplicate"
            self.count["replays"] += 1

    async def _stubborn(self, client: LedgerClient, finish) -> str:
        while True:
            try:
                return (await client.finish(finish)).result
            except LedgerUnavailable:
                self.count["finish retried"] += 1
                await anyio.sleep(0.01)

    async def _cut(self) -> None:
        with self.place.connect() as connection:
            while self.running:
                await anyio.sleep(0.2)
                query = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'soak'"
                self.count["connections cut"] += Books(connection).one(f"{query} AND random() < 0.3")

    def _settle(self) -> None:
        with self.place.connect() as connection:
            while self.running:
                self.count["settled"] += Books(connection).settle(200)
                time.sleep(0.02)  # a pause between sweeps, as the worker makes

    def _reap(self) -> None:
        """A reaper that is far too eager: every finish after it is late."""
        with self.place.connect() as connection:
            books = Books(connection)
            while self.running:
                rows = connection.execute("SELECT request_id, wallet_id, amount_nanos FROM hold LIMIT 3").fetchall()
                for request, wallet, nanos in rows:
                    result, _, _ = books.reap(request, wallet, nanos / USD / 2)
                    self.count["reaped"] += result == "charged"
                time.sleep(0.02)  # as above

    def _operate(self) -> None:
        """Money in, freezes, and the check of the books meanwhile."""
        with self.place.connect() as connection:
            books, number = Books(connection), 0
            while self.running:
                number += 1
                wallet = self.wallets[number % len(self.wallets)]
                books.credit(wallet, 0.5, f"soak:{number}", kind="promo" if number % 3 else "correction")
                frozen = self.wallets[-1]
                books.one("SELECT wallet_status_set(%s, %s)", [frozen], "frozen" if number % 2 else "active")
                books.check()
                time.sleep(0.1)  # as above

    def _check(self) -> None:
        """Nothing is held but what nobody finished; each finished request is charged exactly what its caller said."""
        for request, wallet, _ in self.books.connection.execute("SELECT request_id, wallet_id, 1 FROM hold").fetchall():
            assert request not in self.truth
            self.books.finish(request, wallet, 0, outcome="void", source="none")
        while self.books.settle():
            pass
        self.books.check()
        charged = dict(
            self.books.connection.execute(
                "SELECT coalesce(corrects_id, id), sum(charge_nanos)::bigint FROM usage_record GROUP BY 1"
            ).fetchall()
        )
        wrong = {
            request: (nanos, charged.get(request))
            for request, nanos in self.truth.items()
            if charged.get(request) != nanos
        }
        assert wrong == {}
        self.count["requests"] += len(charged)
        self.books.connection.close()


@pytest.mark.soak
def test_soak(embedded_database, capsys):
    total: Counter[str] = Counter()
    chance, ends, rounds = random.Random(SEED), time.monotonic() + SECONDS, 0
    with capsys.disabled():
        sys.stdout.write(f"\nsoak: seed {SEED}, {SECONDS:.0f} s\n")
    while (left := ends - time.monotonic()) > 0:
        with ledger_installed(Path(os.environ["DATA_DIR"])) as place:
            this = Round(place, chance.randrange(2**32), min(ROUND_SECONDS, left))
            anyio.run(this.run)
            total, rounds = total + this.count, rounds + 1
    assert total["charged"] > 0
    with capsys.disabled():
        told = ", ".join(f"{number} {name}" for name, number in sorted(total.items()))
        sys.stdout.write(f"soak: seed {SEED}, {rounds} rounds, 0 violations, 0 wrong charges; {told}\n")
