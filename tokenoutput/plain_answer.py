"""A whole answer in plain ASGI, for the few that neither the gateway nor Django gives."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]


async def answer_send(
    send: Send,
    status: int,
    body: bytes,
    *,
    content_type: bytes = b"text/plain; charset=utf-8",
    headers: Sequence[tuple[bytes, bytes]] = (),
    socket: bool = False,
) -> None:
    """Send status, headers and body. `socket`: in answer to the opening of a WebSocket, which it refuses."""
    kind = "websocket.http.response" if socket else "http.response"
    fixed = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": f"{kind}.start", "status": status, "headers": [*fixed, *headers]})
    await send({"type": f"{kind}.body", "body": body})
