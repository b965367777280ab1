"""A request to our own /v1 from inside: through the gateway's door, as if it came from outside."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import anyio
import msgspec

from tokenoutput.inner_scope import inner_scope
from tokenoutput.plain_answer import Message

CALL_SECONDS = 30.0
ANSWER_BYTES_MAX = 256 * 1024


class CallTimedOut(Exception):
    """No answer came in time; the request was given up, and what it used is charged."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What the gateway said."""

    status: int
    headers: Mapping[bytes, bytes]
    body: bytes

    def json(self) -> Any:
        """The body; None where it is none."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return None


async def gateway_post(
    gateway: Any, path: str, *, key: str, body: Mapping[str, Any], client: tuple[str, int] | None
) -> Answered:
    """POST JSON to `path` and wait for the whole answer. Raises `CallTimedOut`."""
    sent = msgspec.json.encode(body)
    headers = [(b"authorization", b"Bearer " + key.encode("latin-1", "replace"))]
    scope = inner_scope(path, size=len(sent), client=client, headers=headers)
    call = _Call(sent)
    with anyio.move_on_after(CALL_SECONDS) as waiting:
        await gateway(scope, call.receive, call.send)
    if waiting.cancelled_caught:
        raise CallTimedOut(path)
    return Answered(call.status, call.headers, bytes(call.received))


class _Call:
    """Both ends of one request: the body goes in once, then the gateway waits here until it has sent its last word."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._done = anyio.Event()
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.received = bytearray()

    async def receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._done.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
            return
        self.received += message.get("body", b"")[: ANSWER_BYTES_MAX - len(self.received)]
        if not message.get("more_body", False):
            self._done.set()
