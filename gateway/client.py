"""The client's side of one request: headers once, pieces with back-pressure, an end only when it is true."""

from collections.abc import AsyncIterator, Callable, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol as TypingProtocol

import anyio
import msgspec

from gateway.errors import GatewayError, body_of, event_of, headers_of, status_of
from gateway.limits import RATE_HEADERS, Standing
from gateway.protocols import ClientProtocol


class Send(TypingProtocol):
    """ASGI's send."""

    async def __call__(self, message: MutableMapping[str, Any], /) -> None: ...


class Receive(TypingProtocol):
    """ASGI's receive."""

    async def __call__(self) -> MutableMapping[str, Any]: ...


Header = tuple[bytes, bytes]


class Client:
    """Writes one answer. A client that left, or stopped reading for `stall_seconds`, is `gone`: writing goes nowhere.

    `on_gone` is called once, at that moment; being gone never raises, because the meter must run on. `on_failure` words
    an error inside a stream; where it says nothing, any error event will do.
    """

    def __init__(
        self, send: Send, *, protocol: ClientProtocol, request_id: str, stall_seconds: float, keepalive_seconds: float
    ) -> None:
        self._send = send
        self._stall_seconds = stall_seconds
        self._keepalive_seconds = keepalive_seconds
        self._writing = anyio.Lock()
        self._wrote_at = 0.0
        self._between_events = True
        self.protocol: ClientProtocol = protocol
        self.request_id = request_id
        identity = request_id.encode()
        self.headers: list[Header] = [
            (b"x-request-id", identity),
            (b"request-id", identity),
            (b"x-tokenoutput-request-id", identity),
        ]
        self.status: int | None = None
        self.ended = False
        self.gone = False
        self.on_gone: Callable[[], None] = lambda: None
        self.on_failure: Callable[[Mapping[str, Any]], bytes] = lambda _: b""

    def tell_rate(self, standing: Standing) -> None:
        """Say in the headers, whatever the answer will be, what the rate limits still allow."""
        self.headers += RATE_HEADERS[self.protocol](standing)

    def tell_dropped(self, names: Sequence[str]) -> None:
        """Say in the headers which fields of the request were left out, if any."""
        if names:
            self.headers.append((b"x-tokenoutput-dropped", ", ".join(names).encode()))

    def tell_max_tokens(self, output_tokens: int | None) -> None:
        """Say in the headers to how many output tokens the balance limited the answer, if it did."""
        if output_tokens is not None:
            self.headers.append((b"x-tokenoutput-max-tokens", str(output_tokens).encode()))

    def leave(self) -> None:
        """Note that nobody reads any more."""
        if not self.gone and not self.ended:
            self.gone = True
            self.on_gone()

    async def write(self, piece: bytes) -> None:
        """Send a piece of a stream, waiting while the client is slow to read; the first one sends the headers too."""
        if not piece:
            return
        async with self._writing:
            if self.status is None:
                await self._start(200, [(b"content-type", b"text/event-stream; charset=utf-8"), *_STREAM_HEADERS])
            await self._body(piece, more=True)
            self._between_events = piece.endswith(_BLANK_LINES)
            self._wrote_at = anyio.current_time()

    @asynccontextmanager
    async def kept_alive(self, commit: Callable[[], Sequence[str]]) -> AsyncIterator[None]:
        """While inside, a stream that is silent for `keepalive_seconds` gets a sign of life each time.

        The first one may send the status: `commit` is told then, and says which fields of the request were dropped.
        """
        failure = None
        self._wrote_at = anyio.current_time()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._keep_alive, commit)
            try:
                yield
            except Exception as error:  # noqa: BLE001 -- raised again below: the group would wrap it
                failure = error
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _keep_alive(self, commit: Callable[[], Sequence[str]]) -> None:
        while not self.gone:
            silent_seconds = anyio.current_time() - self._wrote_at
            if silent_seconds < self._keepalive_seconds:
                await anyio.sleep(self._keepalive_seconds - silent_seconds)
            elif self._writing.locked() or not self._between_events:
                await anyio.sleep(self._keepalive_seconds)
            else:
                if self.status is None:
                    self.tell_dropped(commit())
                with anyio.CancelScope(shield=True):  # Whole or not at all.
                    await self.write(_PING if self.protocol == "anthropic_messages" else _COMMENT)

    async def end(self, tail: bytes, *, status: int = 200, headers: list[Header] | None = None) -> None:
        """Send what is left and end the answer; without a stream begun, `tail` is the whole body."""
        if self.status is None:
            length = (b"content-length", str(len(tail)).encode())
            await self._start(status, [*(headers or _JSON_HEADERS), length])
        await self._body(tail, more=False)
        self.ended = True

    async def fail(self, error: GatewayError) -> None:
        """End with an error: an HTTP status while there is none yet, else an event in the stream and no proper end."""
        if self.status is None:
            body = body_of(error, self.protocol, self.request_id)
            await self.end(body, status=status_of(error, self.protocol), headers=headers_of(error))
        elif not self.ended:
            apart = b"" if self._between_events else b"\n\n"
            await self.end(apart + self._event_of(error))

    def _event_of(self, error: GatewayError) -> bytes:
        """In the words of what the client has read so far, or in those that any client of its protocol knows."""
        said = msgspec.json.decode(body_of(error, self.protocol, self.request_id)).get("error")
        own = self.on_failure(said) if isinstance(said, dict) else b""
        return own or event_of(error, self.protocol, self.request_id)

    async def _start(self, status: int, headers: list[Header]) -> None:
        self.status = status
        await self._deliver({"type": "http.response.start", "status": status, "headers": [*headers, *self.headers]})

    async def _body(self, piece: bytes, *, more: bool) -> None:
        await self._deliver({"type": "http.response.body", "body": piece, "more_body": more})

    async def _deliver(self, message: Mapping[str, Any]) -> None:
        if self.gone:
            return
        with anyio.move_on_after(self._stall_seconds) as waiting:
            try:
                await self._send(dict(message))
            except OSError:  # How ASGI servers other than ours say that the client left.
                self.leave()
        if waiting.cancelled_caught:
            self.leave()


_PING = b'event: ping\ndata: {"type": "ping"}\n\n'
_COMMENT = b": ping\n\n"
_BLANK_LINES = (b"\n\n", b"\n\r\n", b"\r\r", b"\r\r\n", b"\n\r")
_JSON_HEADERS: list[Header] = [(b"content-type", b"application/json")]
# Proxies must neither store a stream nor collect it before they pass it on.
_STREAM_HEADERS: list[Header] = [(b"cache-control", b"no-cache, no-transform"), (b"x-accel-buffering", b"no")]
