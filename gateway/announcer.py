"""Tells whose money moved here, and who had too little: one notice a second at most, off the path of requests."""

from typing import Any

import anyio
import psycopg
import structlog
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from billing.refusals import Short, refusals_note

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 1.0
# What more there is waits for the next round: settlement sends notices as well.
ORGANIZATIONS_A_ROUND = 1000

_NOTIFY = """
SELECT pg_notify('wallet', json_build_object('organization_id', o.id)::text) FROM unnest(%s::bigint[]) AS o (id)
"""


class Announcer:
    """NOTIFY takes a database-wide lock at commit, so no hold and no finish sends one: this does, for all of them."""

    def __init__(
        self, pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]], *, pause_seconds: float = PAUSE_SECONDS
    ) -> None:
        self._pool = pool
        self._pause_seconds = pause_seconds
        self._moved: set[int] = set()
        self._refused: dict[int, Short] = {}
        self._wake = anyio.Event()

    def moved(self, organization_id: int) -> None:
        """Money of this organisation was held, or charged; does not wait."""
        self._moved.add(organization_id)
        self._wake.set()

    def refused(self, organization_id: int, short: Short) -> None:
        """A request of this organisation was refused for lack of balance; does not wait."""
        self._refused.setdefault(organization_id, short)
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled: the first at once, then what gathers in a pause. A notice that is lost is only late."""
        while True:
            await self._wake.wait()
            self._wake = anyio.Event()
            now = [self._moved.pop() for _ in range(min(len(self._moved), ORGANIZATIONS_A_ROUND))]
            if self._moved:
                self._wake.set()
            refused, self._refused = self._refused, {}
            try:
                if now:
                    async with self._pool.connection() as connection:
                        await connection.execute(_NOTIFY, [now])
                if refused:
                    await refusals_note(self._pool, refused)
            except (psycopg.Error, PoolTimeout, TooManyRequests, OSError) as error:
                log.warning("wallet_notice_lost", organizations=len(now), reason=type(error).__name__)
            await anyio.sleep(self._pause_seconds)
