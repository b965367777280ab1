"""The gateway's batches: cancelled callers, bad rows, lost connections, a database that is away."""

from contextlib import asynccontextmanager

import anyio
import psycopg
import pytest
from anyio import to_thread
from psycopg_pool import AsyncConnectionPool
from structlog.testing import capture_logs

from billing import batches
from billing.holds import (
    FinishAnswer,
    FinishRequest,
    HoldRequest,
    LedgerClient,
    LedgerUnavailable,
)
from billing.leases import lease_open, lease_renew
from catalog.pricing import Usage
from gateway.request_id import request_id_make
from tests.billing.books import USD, Purse

DEADLINE_SECONDS = 10


@pytest.fixture
def place(place18):
    return place18


@asynccontextmanager
async def pool_open(place, *, size=4, lock_ms=300, **more):
    options = f"-c statement_timeout=5000 -c lock_timeout={lock_ms}"
    kwargs = place.parameters(autocommit=True, options=options, **more)
    async with AsyncConnectionPool(kwargs=kwargs, min_size=2, max_size=size, timeout=1, open=False) as pool:
        await pool.wait()
        yield pool


@asynccontextmanager
async def client_running(place, **more):
    async with pool_open(place, **more) as pool, anyio.create_task_group() as group:
        client = LedgerClient(pool, 1)
        group.start_soon(client.run)
        with anyio.fail_after(DEADLINE_SECONDS):
            yield client
        group.cancel_scope.cancel()


def hold_of(wallet, usd=1.0, **more):
    fields = {
        "request_id": request_id_make(),
        "wallet_id": wallet,
        "api_key_id": 1,
        "member_id": None,
        "model_id": 7,
        "price_version_id": 8,
        "client_protocol": "openai_chat",
        "amount_nanos": round(usd * USD),
    }
    return HoldRequest(**(fields | more))


def finish_of(hold, usd=0.5, **more):
    fields = {
        "request_id": hold.request_id,
        "wallet_id": hold.wallet_id,
        "outcome": "completed",
        "source": "upstream",
        "charge_nanos": round(usd * USD),
        "cost_nanos": 1,
        "route_id": None,
        "upstream_protocol": None,
        "usage": Usage(input_tokens=2**40, output_tokens=3),
        "first_content_ms": None,
        "duration_ms": 5,
    }
    return FinishRequest(**(fields | more))


async def until(condition):
    """Wait for what another connection will see soon."""
    with anyio.fail_after(DEADLINE_SECONDS):
        while not condition():  # noqa: ASYNC110 -- the other side is a database session
            await anyio.sleep(0.01)


@asynccontextmanager
async def wallet_locked(place, wallet):
    """Another session holds the wallet's row."""
    with place.connect() as blocker:
        blocker.execute("BEGIN")
        blocker.execute("SELECT 1 FROM wallet WHERE id = %s FOR UPDATE", [wallet])
        try:
            yield blocker
        finally:
            blocker.execute("ROLLBACK")


async def test_hold_and_finish(place, books):
    wallet = books.wallet(10)
    async with client_running(place) as client:
        hold = hold_of(wallet, 4, member_id=2**40)
        answer = await client.hold(hold)
        assert (answer.decision, answer.required_nanos, answer.available_nanos) == ("held", 4 * USD, 10 * USD)
        assert (await client.hold(hold)).decision == "exists"
        refused = await client.hold(hold_of(wallet, 7))
        assert (refused.decision, refused.required_nanos, refused.available_nanos) == ("insufficient", 7 * USD, 6 * USD)
        unknown = await client.hold(hold_of(2**60))
        assert (unknown.decision, unknown.available_nanos) == ("invalid", 0)
        finish = finish_of(hold, 5)
        assert await client.finish(finish) == batch_answer("charged", 5)
        assert await client.finish(finish) == batch_answer("duplicate", 5)
        assert (await client.finish(finish_of(hold_of(wallet)))).result == "unknown"
    assert books.purse(wallet) == Purse(5)
    columns = (
        "input_tokens, output_tokens, route_id, upstream_protocol, first_content_ms, duration_ms, member_id, source"
    )
    row = books.one(f"SELECT {columns} FROM usage_record WHERE wallet_id = %s", wallet)
    assert row == (2**40, 3, None, None, None, 5, 2**40, "upstream")
    books.check()


def batch_answer(result, usd):
    return FinishAnswer(result, usd * USD, 0)


async def test_many_at_once(place, books):
    """300 callers, room for 100: exactly 100 hold, in a few round trips."""
    wallet = books.wallet(100)
    answers = []

    async def call(client):
        hold = hold_of(wallet, 1)
        answer = await client.hold(hold)
        answers.append(answer.decision)
        if answer.decision == "held":
            await client.finish(finish_of(hold, 1))

    async with client_running(place) as client, anyio.create_task_group() as callers:
        for _ in range(300):
            callers.start_soon(call, client)
    assert (answers.count("held"), answers.count("insufficient")) == (100, 200)
    assert books.purse(wallet) == Purse(0)
    books.settle()
    books.check()


async def test_the_same_request_twice_in_one_batch(place, books):
    """Both callers are answered: the second by the next batch."""
    wallet = books.wallet(10)
    hold, results = hold_of(wallet), []

    async def call(client):
        results.append((await client.finish(finish_of(hold))).result)

    async with client_running(place) as client:
        await client.hold(hold)
        async with anyio.create_task_group() as callers:
            callers.start_soon(call, client)
            callers.start_soon(call, client)
    assert sorted(results) == ["charged", "duplicate"]
    assert books.purse(wallet) == Purse(9.5)


async def test_a_cancelled_finish_is_sent(place, books):
    """The caller leaves while its finish waits behind a batch: it is charged all the same."""
    wallet, other = books.wallet(10), books.wallet(10)
    async with client_running(place, lock_ms=3000) as client:
        hold, behind = hold_of(wallet), hold_of(other)
        assert (await client.hold(hold)).decision == (await client.hold(behind)).decision == "held"
        async with wallet_locked(place, wallet), anyio.create_task_group() as callers:
            callers.start_soon(client.finish, finish_of(hold))
            await until(lambda: waiting_sessions(books))
            callers.start_soon(client.finish, finish_of(behind))
            await anyio.wait_all_tasks_blocked()
            callers.cancel_scope.cancel()
        await until(lambda: books.purse(wallet) == books.purse(other) == Purse(9.5))


def waiting_sessions(books):
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return books.one(query)


async def test_a_cancelled_hold_holds_nothing(place, books):
    """One caller leaves while its hold waits, one while it is in flight: neither keeps money."""
    wallet = books.wallet(10)
    async with client_running(place, lock_ms=3000) as client:
        async with wallet_locked(place, wallet), anyio.create_task_group() as callers:
            callers.start_soon(client.hold, hold_of(wallet, 2))
            await until(lambda: waiting_sessions(books))
            callers.start_soon(client.hold, hold_of(wallet, 3))
            await anyio.wait_all_tasks_blocked()
            callers.cancel_scope.cancel()
        await until(lambda: books.one("SELECT count(*) FROM usage_record WHERE wallet_id = %s", wallet) == 1)
    assert books.purse(wallet) == Purse(10)
    assert books.one("SELECT outcome, held_nanos FROM usage_record WHERE wallet_id = %s", wallet) == ("void", 2 * USD)
    books.check()


async def test_a_refused_hold_that_was_cancelled(place, books):
    """Nothing was held, so there is nothing to give back."""
    wallet = books.wallet(1)
    async with client_running(place, lock_ms=3000) as client:
        async with wallet_locked(place, wallet), anyio.create_task_group() as callers:
            callers.start_soon(client.hold, hold_of(wallet, 2))
            await until(lambda: waiting_sessions(books))
            callers.cancel_scope.cancel()
        assert (await client.hold(hold_of(wallet, 1))).decision == "held"
    assert books.one("SELECT count(*) FROM usage_record WHERE wallet_id = %s", wallet) == 0


async def test_a_bad_row_fails_alone(place, books):
    """An outcome that the table refuses fails its whole batch; one by one only its own request fails."""
    wallet, results = books.wallet(10), {}

    async def call(client, name, finish):
        try:
            results[name] = (await client.finish(finish)).result
        except LedgerUnavailable:
            results[name] = "unavailable"

    async with client_running(place) as client:
        holds = [hold_of(wallet) for _ in range(3)]
        for hold in holds:
            await client.hold(hold)
        async with anyio.create_task_group() as callers:
            callers.start_soon(call, client, "good", finish_of(holds[0]))
            callers.start_soon(call, client, "bad", finish_of(holds[1], outcome="nonsense"))
            callers.start_soon(call, client, "also good", finish_of(holds[2]))
    assert results == {"good": "charged", "bad": "unavailable", "also good": "charged"}
    assert books.purse(wallet) == Purse(9, held=1)


async def test_a_stuck_wallet_stops_nobody_else(place, books):
    """Another session holds one wallet past the time limit: its requests fail, the batch's others pass."""
    stuck, free = books.wallet(10), books.wallet(10)
    results = []

    async def call(client, wallet):
        try:
            results.append((wallet, (await client.hold(hold_of(wallet))).decision))
        except LedgerUnavailable:
            results.append((wallet, "unavailable"))

    async with client_running(place) as client, wallet_locked(place, stuck), anyio.create_task_group() as callers:
        for wallet in (stuck, free, stuck):
            callers.start_soon(call, client, wallet)
    assert sorted(results) == sorted([(stuck, "unavailable"), (free, "held"), (stuck, "unavailable")])


async def test_a_deadlock_is_tried_again(place, books):
    """Another session takes two wallets the wrong way round: PostgreSQL ends the batch, a second try goes through."""
    first, second = sorted(books.wallet(10) for _ in range(2))
    answers = []

    async def call(client, wallet):
        answers.append((await client.hold(hold_of(wallet))).decision)

    with capture_logs() as logs:
        async with (
            client_running(place, lock_ms=3000) as client,
            wallet_locked(place, second) as blocker,
            anyio.create_task_group() as callers,
        ):
            for wallet in (first, second):
                callers.start_soon(call, client, wallet)
            await until(lambda: books.one(WAITING, blocker.info.backend_pid))
            lock = "SELECT 1 FROM wallet WHERE id = %s FOR UPDATE"
            await to_thread.run_sync(blocker.execute, lock, [first])
            blocker.execute("ROLLBACK")
    assert answers == ["held", "held"]
    assert any("DeadlockDetected" in line.get("error", "") for line in logs)
    books.check()


WAITING = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))"


async def test_connections_lost(place, books):
    """Every pooled connection is cut: the next calls find new ones."""
    wallet = books.wallet(10)
    async with client_running(place, application_name="cut_me") as client:
        hold = hold_of(wallet)
        await client.hold(hold)
        assert cut(books, "cut_me") >= 2
        assert (await client.finish(finish_of(hold))).result == "charged"
        cut(books, "cut_me")
        assert (await client.hold(hold_of(wallet))).decision == "held"
    books.check()


def cut(books, name):
    query = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE application_name = %s"
    return books.one(query, name)


class CommitThenLose:
    """Sends the batch, then the connection dies before the answer is read: the result of the commit is unknown."""

    def __init__(self, calls, times=1):
        self._calls, self._times, self.sends_abandoned = calls, times, calls.sends_abandoned
        self.retried, self.abandoned = calls.retried, calls.abandoned

    async def execute(self, connection, requests):
        answers = await self._calls.execute(connection, requests)
        if self._times:
            self._times -= 1
            await connection.close()
            raise psycopg.OperationalError("the connection is lost")
        return answers


async def test_the_answer_is_lost_after_the_commit(place, books):
    """Sent again by the same id: the hold is `held`, the finish a `duplicate` with its amounts; once each."""
    wallet = books.wallet(10)
    async with client_running(place) as client:
        client._holds._calls = CommitThenLose(client._holds._calls)
        client._finishes._calls = CommitThenLose(client._finishes._calls, times=2)
        hold = hold_of(wallet, 4)
        assert (await client.hold(hold)).decision == "held"
        assert await client.finish(finish_of(hold, 3)) == batch_answer("duplicate", 3)
    assert books.purse(wallet) == Purse(7)
    books.check()


async def test_connections_lost_for_good(place, books):
    """Three losses in a row are given up: unavailable, and a later finish says that it was charged."""
    wallet = books.wallet(10)
    async with client_running(place) as client:
        hold = hold_of(wallet)
        await client.hold(hold)
        client._finishes._calls = CommitThenLose(client._finishes._calls, times=3)
        with pytest.raises(LedgerUnavailable):
            await client.finish(finish_of(hold))
        assert await client.finish(finish_of(hold)) == batch_answer("duplicate", 0.5)


async def test_the_database_is_away(place, books):
    """Nobody waits for one time-out after the other: all who wait are told at once."""
    wallet, results = books.wallet(10), []
    async with pool_open(place) as pool, anyio.create_task_group() as group:
        client = LedgerClient(pool, 1)
        group.start_soon(client.run)
        async with pool.connection(), pool.connection(), pool.connection(), pool.connection():

            async def call():
                with pytest.raises(LedgerUnavailable):
                    await client.hold(hold_of(wallet))
                results.append(anyio.current_time())

            begun = anyio.current_time()
            async with anyio.create_task_group() as callers:
                callers.start_soon(call)
                await until(lambda: pool.get_stats()["requests_waiting"] == 1)
                for _ in range(batches.BATCH_MAX + 5):
                    callers.start_soon(call)
            assert max(results) - begun < 2
        assert (await client.hold(hold_of(wallet))).decision == "held"
        group.cancel_scope.cancel()


async def test_away_in_the_middle_of_a_retry(place, books):
    """The batch fails on a bad row, and while it is sent one by one the pool runs dry: the rest is told at once."""
    wallet, results = books.wallet(10), []

    class RunDry(CommitThenLose):
        async def execute(self, connection, requests):
            if len(requests) > 1:
                raise psycopg.DataError("one of these is bad")
            raise TimeoutError

    async def call(client, hold):
        with pytest.raises(LedgerUnavailable):
            await client.finish(finish_of(hold))
        results.append(hold)

    async with client_running(place) as client:
        client._finishes._calls = RunDry(client._finishes._calls)
        async with anyio.create_task_group() as callers:
            for _ in range(3):
                callers.start_soon(call, client, hold_of(wallet))
    assert len(results) == 3


async def test_a_bug_fails_its_batch_alone(place, books):
    wallet = books.wallet(10)

    class Broken(CommitThenLose):
        async def execute(self, connection, requests):
            raise ZeroDivisionError

    async with client_running(place) as client:
        calls = client._holds._calls
        client._holds._calls = Broken(calls)
        with pytest.raises(LedgerUnavailable):
            await client.hold(hold_of(wallet))
        client._holds._calls = calls
        assert (await client.hold(hold_of(wallet))).decision == "held"


async def test_a_full_queue_refuses(place, books, monkeypatch):
    monkeypatch.setattr("billing.holds.HOLDS_WAITING_MAX", 2)
    wallet = books.wallet(10)
    async with pool_open(place) as pool:
        client = LedgerClient(pool, 1)  # not running: nothing leaves the queue
        async with anyio.create_task_group() as callers:
            callers.start_soon(client.hold, hold_of(wallet))
            callers.start_soon(client.hold, hold_of(wallet))
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(LedgerUnavailable):
                await client.hold(hold_of(wallet))
            callers.cancel_scope.cancel()


async def test_an_abandoned_finish_outlives_an_outage(place, books):
    """Its caller left and the database fails: the batcher keeps the finish and brings it home."""
    wallet = books.wallet(10)
    async with client_running(place, lock_ms=3000) as client:
        hold = hold_of(wallet)
        await client.hold(hold)
        failing = CommitThenLose(client._finishes._calls, times=3)
        client._finishes._calls = failing
        async with wallet_locked(place, wallet), anyio.create_task_group() as callers:
            callers.start_soon(client.finish, finish_of(hold))
            await until(lambda: waiting_sessions(books))
            callers.cancel_scope.cancel()
        await until(lambda: not failing._times)
        await until(lambda: books.purse(wallet) == Purse(9.5))
    books.check()


async def test_stopping_sends_what_waits(place, books):
    """At the end finishes that wait are sent, holds are refused, and whoever comes later is refused."""
    wallet, refused = books.wallet(10), []
    hold = hold_of(wallet)
    async with pool_open(place) as pool:
        client = LedgerClient(pool, 1)

        async def asks():
            with pytest.raises(LedgerUnavailable):
                await client.hold(hold_of(wallet, 2))
            refused.append(True)

        async with anyio.create_task_group() as callers:
            books.hold(wallet, 1, request=hold.request_id)
            callers.start_soon(client.finish, finish_of(hold))
            callers.start_soon(asks)
            await anyio.wait_all_tasks_blocked()
            with anyio.CancelScope() as scope:
                scope.cancel()
                await client.run()
        with pytest.raises(LedgerUnavailable):
            await client.hold(hold_of(wallet))
    assert refused == [True]
    assert books.purse(wallet) == Purse(9.5)


async def test_stopping_without_a_database_gives_up(place, books, monkeypatch):
    """What nobody waits for is named in the log when it can't be sent in time."""
    monkeypatch.setattr("billing.holds.STOP_SECONDS", 0.2)
    wallet = books.wallet(10)
    async with pool_open(place) as pool:
        client = LedgerClient(pool, 1)
        client._finishes._calls = CommitThenLose(client._finishes._calls, times=10**6)
        client._finishes.post(finish_of(hold_of(wallet)))
        with capture_logs() as logged, anyio.fail_after(DEADLINE_SECONDS), anyio.CancelScope() as scope:
            scope.cancel()
            await client.run()
    assert "ledger_request_lost" in {line["event"] for line in logged}
    assert books.purse(wallet) == Purse(10)


async def test_stopping_in_the_middle_of_a_finish(place, books, monkeypatch):
    """The database does not answer any more: whoever waits is told when the process stops."""
    monkeypatch.setattr("billing.holds.STOP_SECONDS", 0.2)
    wallet, told = books.wallet(10), []
    async with pool_open(place) as pool, wallet_locked(place, wallet):
        client = LedgerClient(pool, 1)

        async def asks():
            with pytest.raises(LedgerUnavailable):
                await client.finish(finish_of(hold_of(wallet)))
            told.append(True)

        with anyio.fail_after(DEADLINE_SECONDS):
            async with anyio.create_task_group() as callers:
                callers.start_soon(asks)
                await anyio.wait_all_tasks_blocked()
                with anyio.CancelScope() as scope:
                    scope.cancel()
                    await client.run()
    assert told == [True]


async def test_a_cancelled_hold_whose_batch_fails(place, books):
    """Nobody waits and nothing is known to be held: it is forgotten, and the next request passes."""
    wallet, sent, fail = books.wallet(10), anyio.Event(), anyio.Event()

    class Late(CommitThenLose):
        async def execute(self, connection, requests):
            sent.set()
            await fail.wait()
            raise TimeoutError

    async with client_running(place) as client:
        calls = client._holds._calls
        client._holds._calls = Late(calls)
        async with anyio.create_task_group() as callers:
            callers.start_soon(client.hold, hold_of(wallet))
            await sent.wait()
            callers.cancel_scope.cancel()
        fail.set()
        await anyio.wait_all_tasks_blocked()
        client._holds._calls = calls
        assert (await client.hold(hold_of(wallet))).decision == "held"
    assert books.purse(wallet) == Purse(10, held=1)


async def test_leases(place, books):
    async with pool_open(place) as pool:
        lease = await lease_open(pool, name="here:1")
        assert await lease_renew(pool, lease)
        assert books.one("SELECT leased_until > now() + '20 s' FROM gateway_lease WHERE id = %s", lease)
        assert not await lease_renew(pool, -1)
    with pytest.raises(LedgerUnavailable):
        await lease_open(pool, name="here:1")


async def test_two_gateways_race_for_the_last_cents(place, books):
    """Two clients, 60 requests, room for 7: exactly 7 hold."""
    wallet, decisions = books.wallet(0.07), []

    async def call(client):
        decisions.append((await client.hold(hold_of(wallet, 0.01))).decision)

    async with client_running(place) as one, client_running(place) as two, anyio.create_task_group() as callers:
        for number in range(60):
            callers.start_soon(call, one if number % 2 else two)
    assert (decisions.count("held"), decisions.count("insufficient")) == (7, 53)
    assert books.purse(wallet) == Purse(0.07, held=0.07)
