"""Batches without a timer: one round trip is in flight, and whatever waits meanwhile goes into the next."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import anyio
import anyio.lowlevel
import psycopg
import structlog
from psycopg import errors
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

log = structlog.get_logger(__name__)
type Pool = AsyncConnectionPool[psycopg.AsyncConnection[Any]]

BATCH_MAX = 128  # Larger batches gain nothing measurable and hold the wallets' locks for longer.
CALL_SECONDS = 8.0  # Above the statement's own time-out: only a server that does not answer at all meets it.
CHECK_SECONDS = 2.0
TRIES = 2
# What nobody waits for any more is tried this often; with the pool's own time-out that is some minutes.
OWNED_TRIES = 100

_UNREACHABLE = (PoolTimeout, PoolClosed, TooManyRequests, TimeoutError)
_STUCK = (errors.LockNotAvailable, errors.QueryCanceled)


class LedgerUnavailable(Exception):
    """The database did not answer in time or failed: 503, never 402. What was asked may have happened all the same."""


class Keyed(Protocol):
    """A request names itself and the wallet whose lock it needs."""

    @property
    def request_id(self) -> UUID: ...
    @property
    def wallet_id(self) -> int: ...


class Calls[Request: Keyed, Answer](Protocol):
    """One kind of batch: how it is sent, and what becomes of requests whose caller has left."""

    # Whether a request that nobody waits for any more is still sent: a finish is, a hold is not.
    sends_abandoned: bool

    async def execute(
        self, connection: psycopg.AsyncConnection[Any], requests: Sequence[Request]
    ) -> Mapping[int, Answer]:
        """One round trip; the answers by place in `requests`."""

    def retried(self, answer: Answer) -> Answer:
        """The answer of a second try, in the words of the first: the first may have been committed."""

    def abandoned(self, request: Request, answer: Answer) -> None:
        """The caller left while its request was in flight."""


@dataclass(slots=True, eq=False)
class _Waiting[Request: Keyed, Answer]:
    request: Request
    future: asyncio.Future[Answer] | None  # None: posted, nobody ever waited
    tries: int = 0

    @property
    def alone(self) -> bool:
        return self.future is None or self.future.cancelled()


class Batcher[Request: Keyed, Answer]:
    """One queue, one batch in flight. `run` is the loop; `submit` waits for the answer."""

    def __init__(self, pool: Pool, calls: Calls[Request, Answer], *, waiting_max: int) -> None:
        self._pool = pool
        self._calls = calls
        self._waiting_max = waiting_max
        self._queue: deque[_Waiting[Request, Answer]] = deque()
        self._wake = asyncio.Event()
        self._closed = False

    async def submit(self, request: Request) -> Answer:
        """The answer to `request`; `LedgerUnavailable` if the queue is full or the database fails."""
        if self._closed or len(self._queue) >= self._waiting_max:
            raise LedgerUnavailable("too many requests wait for the ledger" if not self._closed else "stopped")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._put(_Waiting(request, future))
        return await future

    def post(self, request: Request) -> None:
        """Send `request` without anyone waiting for its answer."""
        self._put(_Waiting(request, None))

    async def run(self) -> None:
        """Send batch after batch until cancelled; a batch in flight is never cut."""
        while True:
            await anyio.lowlevel.checkpoint_if_cancelled()
            await self._wake.wait()
            with anyio.CancelScope(shield=True):
                await self._send_next()
                await asyncio.sleep(0)  # Whoever was just answered may have more to send: let it into the next batch.

    async def flush(self) -> None:
        """Send what still waits."""
        while self._queue:
            await self._send_next()

    def close(self) -> None:
        """Refuse what still waits, and everything from now on."""
        self._closed = True
        while self._queue:
            self._refuse(self._queue.popleft(), LedgerUnavailable("stopped"))

    def _put(self, waiting: _Waiting[Request, Answer]) -> None:
        self._queue.append(waiting)
        self._wake.set()

    def _take(self) -> list[_Waiting[Request, Answer]]:
        batch: dict[UUID, _Waiting[Request, Answer]] = {}
        twice: list[_Waiting[Request, Answer]] = []
        while self._queue and len(batch) < BATCH_MAX:
            waiting = self._queue.popleft()
            if waiting.alone and not self._calls.sends_abandoned:
                continue
            if waiting.request.request_id in batch:
                twice.append(waiting)  # One request stands in a batch once: the second copy goes into the next.
            else:
                batch[waiting.request.request_id] = waiting
        self._queue.extendleft(reversed(twice))
        if not self._queue:
            self._wake.clear()
        return list(batch.values())

    async def _send_next(self) -> None:
        batch = self._take()
        if not batch:
            return
        try:
            await self._send(batch)
        except Exception:  # A bug must fail its batch alone, not every request of the process.
            log.exception("ledger_batch_failed")
            self._refuse_all(batch, LedgerUnavailable("failed"))
        except BaseException as error:  # The process stops: nobody may wait for ever, nothing may vanish unnamed.
            self._refuse_all(batch, error)
            raise

    async def _send(self, batch: list[_Waiting[Request, Answer]]) -> None:
        try:
            answers = await self._execute([waiting.request for waiting in batch])
        except _UNREACHABLE as error:
            self._unreachable(batch, error)
        except (psycopg.Error, OSError) as error:
            log.warning("ledger_batch_retried", size=len(batch), error=repr(error))
            await self._send_one_by_one(batch)
        else:
            for place, waiting in enumerate(batch):
                self._answer(waiting, answers[place])

    async def _send_one_by_one(self, batch: list[_Waiting[Request, Answer]]) -> None:
        """One bad row, or one stuck wallet, fails a whole batch: find it, and let the others through."""
        stuck: set[int] = set()
        for place, waiting in enumerate(batch):
            if waiting.request.wallet_id in stuck:
                self._refuse(waiting, LedgerUnavailable("another session has the wallet"))
                continue
            try:
                answer = await self._retry(waiting.request)
            except _UNREACHABLE as error:
                self._unreachable(batch[place:], error)
                return
            except _STUCK as error:
                stuck.add(waiting.request.wallet_id)
                self._refuse(waiting, error)
            except (psycopg.Error, OSError) as error:
                self._refuse(waiting, error)
            else:
                self._answer(waiting, self._calls.retried(answer))

    async def _retry(self, request: Request) -> Answer:
        """Up to `TRIES` more; a lost connection says nothing about the commit, so the same id goes again."""
        for _ in range(TRIES - 1):
            try:
                return (await self._execute([request]))[0]
            except _UNREACHABLE + _STUCK:
                raise
            except (psycopg.OperationalError, OSError):
                # Perhaps every pooled connection is dead: the pool throws those away.
                with anyio.move_on_after(CHECK_SECONDS):
                    await self._pool.check()
        return (await self._execute([request]))[0]

    async def _execute(self, requests: Sequence[Request]) -> Mapping[int, Answer]:
        with anyio.fail_after(CALL_SECONDS):
            async with self._pool.connection() as connection:
                return await self._calls.execute(connection, requests)

    def _answer(self, waiting: _Waiting[Request, Answer], answer: Answer) -> None:
        if waiting.future is not None and not waiting.future.cancelled():
            waiting.future.set_result(answer)
        else:
            self._calls.abandoned(waiting.request, answer)

    def _unreachable(self, batch: list[_Waiting[Request, Answer]], error: BaseException) -> None:
        """Nobody gets through: whoever waits is told now, not one time-out after the other."""
        log.error("ledger_unreachable", size=len(batch) + len(self._queue), error=repr(error))
        behind, self._queue = list(self._queue), deque()
        self._refuse_all(batch + behind, error)

    def _refuse_all(self, batch: Sequence[_Waiting[Request, Answer]], error: BaseException) -> None:
        for waiting in batch:
            self._refuse(waiting, error)

    def _refuse(self, waiting: _Waiting[Request, Answer], error: BaseException) -> None:
        if waiting.future is not None and not waiting.future.done():
            unavailable = LedgerUnavailable(str(error) or type(error).__name__)
            unavailable.__cause__ = error
            waiting.future.set_exception(unavailable)
        elif waiting.alone and self._calls.sends_abandoned:
            self._keep(waiting)

    def _keep(self, waiting: _Waiting[Request, Answer]) -> None:
        """Nobody else knows of this request any more: it is the batcher's to bring home."""
        waiting.tries += 1
        if self._closed or waiting.tries >= OWNED_TRIES:
            log.critical("ledger_request_lost", request_id=str(waiting.request.request_id))
        else:
            self._put(waiting)
