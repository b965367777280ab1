"""What a gateway process owns: pool, ledger, sockets, caches, and the task group that every request runs in."""

import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio
import structlog
from anyio import to_thread
from anyio.abc import TaskGroup
from django.conf import settings
from django.db import connection as django_connection
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from billing.holds import LedgerClient, LedgerUnavailable
from billing.leases import lease_open, lease_renew
from billing.spool import Spool
from catalog.selectors import snapshot_load
from catalog.snapshot import CatalogSnapshot
from gateway.admission import Allowance, Callers
from gateway.announcer import Announcer
from gateway.checkpoints import Checkpoints
from gateway.limits import Limits
from gateway.upstream import Upstreams

log = structlog.get_logger(__name__)
POOL_CONNECTIONS_MAX = 4
COUNTING_THREADS = 4
LEASE_RETRY_SECONDS = 0.5


class Runtime:
    """Made once a process; `run` opens everything, says when it is ready, and closes it after `stop`."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.limits = Limits()
        self.counting_threads = anyio.CapacityLimiter(COUNTING_THREADS)
        self.allowance = Allowance(
            key_per_minute=config["key_requests_per_minute"],
            organization_per_minute=config["organization_requests_per_minute"],
            key_at_once=config["key_concurrency"],
            organization_at_once=config["organization_concurrency"],
            count_tokens_per_minute=config["count_tokens_per_minute"],
        )
        self.upstreams = Upstreams(allow_private=settings.ALLOW_PRIVATE_UPSTREAMS, drains_max=config["drains_max"])
        self.snapshot = CatalogSnapshot(models={})
        self.catalog_turned: Callable[[], None] = lambda: None
        self.pool: AsyncConnectionPool[AsyncConnection[Any]]
        self.ledger: LedgerClient
        self.checkpoints: Checkpoints
        self.spool = Spool(config["spool_dir"])
        self.callers: Callers
        self.announcer: Announcer
        self._tasks: TaskGroup
        self._snapshot_stale = anyio.Event()
        self._stopping = anyio.Event()

    async def run(self, *, task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Open everything a request needs and keep it until `stop`."""
        self.pool = _pool()
        async with self.pool:
            await self.pool.wait()
            lease_id = await self._lease_open()
            self.ledger = LedgerClient(self.pool, lease_id, hold_seconds=self.config["hold_seconds"])
            self.checkpoints = Checkpoints(self.pool, hold_seconds=self.config["hold_seconds"])
            self.callers = Callers(self.pool, cache_seconds=self.config["caller_cache_seconds"])
            self.announcer = Announcer(self.pool)
            self.snapshot = await to_thread.run_sync(_snapshot)
            await self.upstreams.start()
            async with anyio.create_task_group() as services:
                services.start_soon(self._guarded, self.ledger.run)
                services.start_soon(self._guarded, self.checkpoints.run)
                services.start_soon(self._guarded, self.spool.run, self.ledger.finish)
                services.start_soon(self._guarded, self.announcer.run)
                services.start_soon(self._renew, lease_id)
                services.start_soon(self._refresh)
                # Requests end before the ledger does: each that is cut still pays for what it had.
                async with anyio.create_task_group() as requests:
                    self._tasks = requests
                    task_status.started()
                    await self._stopping.wait()
                    requests.cancel_scope.cancel()
                services.cancel_scope.cancel()
            await self.upstreams.stop()

    def stop(self) -> None:
        """Let `run` end: requests that still run are cut."""
        self._stopping.set()

    def background(self, work: Callable[..., Awaitable[None]], *arguments: object) -> None:
        """Run `work` as a task of the process: neither its client nor a failing neighbour can cancel it."""
        self._tasks.start_soon(self._guarded, work, *arguments)

    def notice(self, channel: str) -> None:
        """Something changed in the database: drop what may be stale."""
        if channel == "catalog":
            self._snapshot_stale.set()
        elif channel == "api_key":
            self.callers.forget()

    async def _guarded(self, work: Callable[..., Awaitable[None]], *arguments: object) -> None:
        try:
            await work(*arguments)
        except Exception:
            log.exception("background_task_failed")

    async def _lease_open(self) -> int:
        name = f"{socket.gethostname()}:{os.getpid()}"
        return await lease_open(self.pool, name=name, seconds=self.config["lease_seconds"])

    async def _renew(self, lease_id: int) -> None:
        """A third of the lease apart; sooner after a failure, because the reaper waits for nobody."""
        pause = self.config["lease_seconds"] / 3
        while True:
            await anyio.sleep(pause)
            pause = self.config["lease_seconds"] / 3
            try:
                if not await lease_renew(self.pool, lease_id, seconds=self.config["lease_seconds"]):
                    lease_id = await self._lease_open()
                    self.ledger.lease_use(lease_id)
            except LedgerUnavailable:
                log.warning("lease_not_renewed")
                pause = min(LEASE_RETRY_SECONDS, pause)

    async def _refresh(self) -> None:
        """Reload the catalog on notice, and now and then in case one was lost."""
        while True:
            with anyio.move_on_after(self.config["snapshot_seconds"]) as waiting:
                await self._snapshot_stale.wait()
            self._snapshot_stale = anyio.Event()
            before = self.snapshot
            try:
                self.snapshot = await to_thread.run_sync(_snapshot)
            except Exception:
                log.exception("catalog_not_reloaded")
            # A price whose day has come: nobody wrote anything, so nobody gave notice.
            if waiting.cancelled_caught and self.snapshot != before:
                self.catalog_turned()


def _snapshot() -> CatalogSnapshot:
    try:
        return snapshot_load()
    finally:
        django_connection.close()


def _pool() -> AsyncConnectionPool[AsyncConnection[Any]]:
    where = django_connection.settings_dict
    parameters = {
        "host": where["HOST"],
        "port": where["PORT"],
        "dbname": where["NAME"],
        "user": where["USER"],
        "password": where["PASSWORD"],
    }
    return AsyncConnectionPool(
        kwargs={name: value for name, value in parameters.items() if value}
        | {"autocommit": True, "options": "-c statement_timeout=5000 -c lock_timeout=4000"},
        min_size=2,
        max_size=POOL_CONNECTIONS_MAX,
        max_waiting=1000,
        timeout=2,
        open=False,
    )
