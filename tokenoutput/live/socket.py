"""One open socket: a bounded queue of messages, sent as fast as its browser takes them."""

from datetime import UTC, datetime
from typing import Any

import anyio
import msgspec

from tokenoutput.live.topics import Topic
from tokenoutput.plain_answer import Receive, Send

QUEUE_MAX = 16
SEND_SECONDS = 10.0
CLOSE_SECONDS = 2.0
SLOW, PUSH_ONLY = 1013, 1008


class Socket:
    """Whoever publishes puts, and never waits: a socket that does not keep up is closed, and its page asks instead."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self._sequence = 0
        self._sending, self._sent = anyio.create_memory_object_stream[str](QUEUE_MAX)
        self._closing = anyio.Event()
        self._code = 1000

    def put(self, kind: str, data: dict[str, Any]) -> None:
        """Say that something happened."""
        self._sequence += 1
        message = {"v": 1, "seq": self._sequence, "type": kind, "at": datetime.now(UTC).isoformat(), "data": data}
        try:
            self._sending.send_nowait(msgspec.json.encode(message).decode())
        except anyio.WouldBlock:
            self.close(SLOW)
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            pass  # It is on its way out.

    def close(self, code: int) -> None:
        """End it with this code; the first code counts."""
        if not self._closing.is_set():
            self._code = code
            self._closing.set()

    async def run(self, receive: Receive, send: Send) -> None:
        """Until the browser or `close` ends it."""
        gone = False

        async def read() -> None:
            nonlocal gone
            # We only tell: a browser that talks is none of our pages.
            gone = (await receive())["type"] == "websocket.disconnect"
            self.close(PUSH_ONLY)

        with self._sending, self._sent:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read)
                tasks.start_soon(self._write, send)
                await self._closing.wait()
                tasks.cancel_scope.cancel()
        if not gone:
            with anyio.move_on_after(CLOSE_SECONDS):
                await send({"type": "websocket.close", "code": self._code})

    async def _write(self, send: Send) -> None:
        async for text in self._sent:
            with anyio.move_on_after(SEND_SECONDS) as sending:
                await send({"type": "websocket.send", "text": text})
            if sending.cancelled_caught:
                return self.close(SLOW)
        return None
