"""/healthz and /readyz: plain ASGI beside Django, so that no host check, redirect or session stands before a probe."""

import time
from collections.abc import Mapping
from typing import Any, Protocol

import anyio
import msgspec
import psycopg
import structlog

from tokenoutput.database import database_connect
from tokenoutput.plain_answer import Send, answer_send

log = structlog.get_logger(__name__)

PATHS = ("/healthz", "/readyz")
DATABASE_SECONDS = 2
# Probes are open to anybody: however many come, the database is asked once in this time.
FRESH_SECONDS = 1.0


class Readiness(Protocol):
    """What the gateway tells about itself."""

    draining: bool
    ready: bool


class Health:
    """Answers the probes of one process."""

    def __init__(self, gateway: Readiness) -> None:
        self._gateway = gateway
        self._database_lock = anyio.Lock()
        self._database_asked_at = float("-inf")
        self._database_up = False

    async def __call__(self, scope: Mapping[str, Any], send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            return await answer_send(send, 405, b"", headers=[(b"allow", b"GET, HEAD")])
        reasons = await self.reasons() if scope["path"] == "/readyz" else []
        body = {"status": "unavailable", "reasons": reasons} if reasons else {"status": "ok"}
        return await answer_send(
            send, 503 if reasons else 200, msgspec.json.encode(body), content_type=b"application/json"
        )

    async def reasons(self) -> list[str]:
        """Why this process should get no new work; empty when it should."""
        reasons = {
            "draining": self._gateway.draining,
            "gateway_not_ready": not self._gateway.ready,
            "database_unreachable": not await self._database_answers(),
        }
        return [name for name, holds in reasons.items() if holds]

    async def _database_answers(self) -> bool:
        async with self._database_lock:
            if time.monotonic() - self._database_asked_at > FRESH_SECONDS:
                self._database_up = await _database_ask()
                self._database_asked_at = time.monotonic()
            return self._database_up


async def _database_ask() -> bool:
    try:
        with anyio.fail_after(DATABASE_SECONDS):
            async with database_connect(timeout_seconds=DATABASE_SECONDS) as connection:
                await connection.execute("SELECT 1")
    except (psycopg.Error, OSError) as error:  # A TimeoutError is an OSError.
        log.warning("database_unreachable", reason=(str(error).strip().splitlines() or [type(error).__name__])[0])
        return False
    return True
