"""Tells whose money moved here, and who had too little: one notice a second at most, off the path of requests."""

from typing import Any

import anyio
import psycopg
import structlog
from psycopg_pool import AsyncConnectionPool

from billing.refusals import Short, refusals_note

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 1.0
# What more there is waits for the next round: settlement sends notices as well.
ORGANIZATIONS_A_ROUND = 1000
# While the database is away, no more than these are kept in mind.
REFUSALS_KEPT_MAX = 10_000

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
        if len(self._refused) < REFUSALS_KEPT_MAX:
            self._refused.setdefault(organization_id, short)
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled: the first at once, then what gathers in a pause."""
        while True:
            await self._wake.wait()
            self._wake = anyio.Event()
            await self._tell_moved()
            await self._note_refused()
            await anyio.sleep(self._pause_seconds)

    async def _tell_moved(self) -> None:
        """A notice that is lost is only late: the next movement, or settlement, sends another."""
        now = [self._moved.pop() for _ in range(min(len(self._moved), ORGANIZATIONS_A_ROUND))]
        if self._moved:
            self._wake.set()
        if not now:
            return
        try:
            async with self._pool.connection() as connection:
                await connection.execute(_NOTIFY, [now])
        except (psycopg.Error, OSError) as error:
            log.warning("wallet_notices_lost", organizations=len(now), reason=type(error).__name__)

    async def _note_refused(self) -> None:
        """A refusal is said once: what could not be noted is kept for the next round."""
        refused, self._refused = self._refused, {}
        if not refused:
            return
        try:
            await refusals_note(self._pool, refused)
        except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as error:
            log.warning("refusals_not_noted", organizations=len(refused), reason=type(error).__name__)
            # The earlier ones first, whose figures are those of the first refusal.
            newer, self._refused = self._refused, refused
            for organization_id, short in newer.items():
                self.refused(organization_id, short)
            self._wake.set()
        except psycopg.Error:  # The database is there and will not have them: nor would it the next time.
            log.exception("refusals_dropped", organizations=len(refused))
