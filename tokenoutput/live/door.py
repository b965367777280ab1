"""The door of /ws/: who may open a socket, and for how long they still may."""

import secrets
from collections.abc import Mapping
from typing import Any

import anyio
import structlog

from tokenoutput.live.hub import Hub
from tokenoutput.live.socket import Socket
from tokenoutput.live.topics import CATALOG, Sessions, Topic, origin_allowed, path_known
from tokenoutput.plain_answer import Receive, Send, answer_send

log = structlog.get_logger(__name__)

RECHECK_SECONDS = 30.0
CODES = {"signed_out": 4401, "not_member": 4403}
FULL = 1013


class Door:
    """Plain ASGI. Refuses before the handshake what no page of ours sends, and by a close code what a page can read."""

    def __init__(self, hub: Hub, *, recheck_seconds: float = RECHECK_SECONDS) -> None:
        self._hub = hub
        self._sessions = Sessions()
        self._recheck_seconds = recheck_seconds

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """One socket, from its opening to its end."""
        await receive()  # websocket.connect
        path, headers = scope["path"], dict(scope["headers"])
        if not path_known(path):
            return await answer_send(send, 404, b"There is nothing here.", socket=True)
        if not origin_allowed(headers):
            return await answer_send(send, 403, b"Only pages of this site may listen here.", socket=True)
        if self._hub.draining:
            return await answer_send(send, 503, b"This server is restarting.", socket=True)
        topic = await self._sessions.topic(path, headers)
        await send({"type": "websocket.accept"})
        if isinstance(topic, str):
            return await send({"type": "websocket.close", "code": CODES[topic]})
        if self._hub.full(topic):
            return await send({"type": "websocket.close", "code": FULL})
        return await self._open(Socket(topic), path, headers, receive, send)

    async def _open(
        self, socket: Socket, path: str, headers: Mapping[bytes, bytes], receive: Receive, send: Send
    ) -> None:
        self._hub.join(socket)
        try:
            async with anyio.create_task_group() as tasks:
                if socket.topic != CATALOG:
                    tasks.start_soon(self._recheck, socket, path, headers)
                await socket.run(receive, send)
                tasks.cancel_scope.cancel()
        finally:
            self._hub.leave(socket)

    async def _recheck(self, socket: Socket, path: str, headers: Mapping[bytes, bytes]) -> None:
        """A session ends, a member is removed: the socket must not outlive either for long."""
        while True:
            # Apart from each other: sockets that came together must not be looked at together.
            await anyio.sleep(self._recheck_seconds * (0.75 + secrets.randbelow(500) / 1000))
            try:
                topic = await self._sessions.topic(path, headers)
            except Exception:
                log.exception("live_not_rechecked")
                continue
            if not isinstance(topic, Topic):
                return socket.close(CODES[topic])
