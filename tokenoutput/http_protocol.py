"""Uvicorn's HTTP protocol with bounds on a request's head, which it has none of: bytes, and time to arrive."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 64 * 1024
HEADERS_MAX = 200


class HeadTooLarge(Exception):
    """Raised into the parser, which ends the request with 400."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """A connection whose every head comes whole within `head_seconds` and `HEAD_BYTES_MAX`."""

    head_seconds = 10.0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_bytes = 0
        self._header_bytes = 0
        self._in_head = True
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # As uvicorn's own.
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(self.head_seconds, self._head_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_timer_stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # One endless header never reaches `on_header`: what was fed while no head ended is counted here.
        if self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self.send_400_response("The request's headers are too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes, self._header_bytes, self._in_head = 0, 0, True
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self._head_late)

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value)
        if len(self.headers) > HEADERS_MAX or self._header_bytes > HEAD_BYTES_MAX:
            raise HeadTooLarge

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_timer_stop()
        super().on_headers_complete()

    def _head_timer_stop(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_late(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
