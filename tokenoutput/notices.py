"""Listens to the database's change notices and passes them on; only listens, triggers and settlement send."""

from collections.abc import Callable

import anyio
import psycopg
import structlog

from tokenoutput.database import database_connect

log = structlog.get_logger(__name__)

CHANNELS = ("api_key", "catalog", "organization", "wallet")
CONNECT_SECONDS = 5
RETRY_SECONDS_MIN, RETRY_SECONDS_MAX = 0.2, 5.0


class NoticeListener:
    """One connection that listens for ever. `on_notice(channel, payload)` must not block."""

    def __init__(self, on_notice: Callable[[str, str], None]) -> None:
        self._on_notice = on_notice
        self._retry_seconds = RETRY_SECONDS_MIN

    async def run(self) -> None:
        """Listen until cancelled. After each connect every channel is announced once: a notice may have been missed."""
        while True:
            try:
                await self._listen()
            except (psycopg.Error, OSError) as error:
                log.warning("notices_lost", reason=_line(error), retry_seconds=self._retry_seconds)
            await anyio.sleep(self._retry_seconds)
            self._retry_seconds = min(self._retry_seconds * 2, RETRY_SECONDS_MAX)

    async def _listen(self) -> None:
        async with database_connect(timeout_seconds=CONNECT_SECONDS) as connection:
            for channel in CHANNELS:
                await connection.execute(f"LISTEN {channel}".encode())
            self._retry_seconds = RETRY_SECONDS_MIN
            for channel in CHANNELS:
                self._pass_on(channel, "")
            async for notice in connection.notifies():
                self._pass_on(notice.channel, notice.payload)

    def _pass_on(self, channel: str, payload: str) -> None:
        try:
            self._on_notice(channel, payload)
        except Exception:
            # A listener that stops would leave every later change unseen.
            log.exception("notice_failed", channel=channel)


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
