"""What a scripted upstream can do: answer whole, stream, fail in every way, wait, hang, cut, reset."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.upstreams.server import Exchange, Gate, Script

Piece = bytes | Gate
HOSTILE_HEADERS = {
    "set-cookie": "upstream=1",
    "openai-organization": "our-organisation",
    "x-request-id": "req_upstream",
    "request-id": "req_upstream",
    "anthropic-organization-id": "our-organisation",
    "x-ratelimit-remaining-requests": "12345",
    "anthropic-ratelimit-requests-remaining": "12345",
    "server": "upstream",
    "location": "http://127.0.0.1/elsewhere",
    "access-control-allow-origin": "*",
}


def whole(
    body: bytes | Mapping[str, Any],
    *,
    status: int = 200,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
    gate: Gate | None = None,
) -> Script:
    """One answer with a length."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def script(exchange: Exchange) -> None:
        if gate is not None:
            await exchange.until_closed(gate.passed())
        await exchange.send(_head(status, {"content-type": content_type, **(headers or {})}, len(data)) + data)

    return script


def stream(
    *pieces: Piece, end: str = "proper", headers: Mapping[str, str] | None = None, content_type: str | None = None
) -> Script:
    """Server-sent events in chunks. `end` is proper, cut (closed without the last chunk), reset or hang."""

    async def play(exchange: Exchange) -> None:
        sent = {"content-type": content_type or "text/event-stream; charset=utf-8", **(headers or {})}
        await exchange.send(_head(200, sent, None))
        for piece in pieces:
            if isinstance(piece, Gate):
                await piece.passed()
            elif piece:
                await exchange.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        if end == "hang":
            await asyncio.Event().wait()
        elif end == "proper":
            await exchange.send(b"0\r\n\r\n")

    async def script(exchange: Exchange) -> None:
        await (play(exchange) if end == "proper" and not _has_gate(pieces) else exchange.until_closed(play(exchange)))
        if end == "cut":
            exchange.writer.close()
        elif end == "reset":
            exchange.reset()

    return script


def raw(data: bytes, *, then: str = "close") -> Script:
    """Bytes that need not be HTTP at all."""

    async def script(exchange: Exchange) -> None:
        await exchange.send(data)
        if then == "reset":
            exchange.reset()
        exchange.writer.close()

    return script


def keep_alives(piece: bytes = b": ping\n\n", *, first: Sequence[bytes] = ()) -> Script:
    """Says that it is alive, and nothing else, until the other side hangs up."""

    async def play(exchange: Exchange) -> None:
        await exchange.send(_head(200, {"content-type": "text/event-stream"}, None))
        for data in (*first, *[piece] * 1_000_000):
            await exchange.send(b"%x\r\n%s\r\n" % (len(data), data))
            await asyncio.sleep(0.01)

    async def script(exchange: Exchange) -> None:
        await exchange.until_closed(play(exchange))

    return script


def flood(piece: bytes, *, pieces: int, prelude: bytes = b"", tail: bytes = b"") -> Script:
    """A long stream, as fast as the other side takes it."""
    return stream(prelude, *[piece] * pieces, tail)


def silence() -> Script:
    """Takes the request and never answers."""

    async def script(exchange: Exchange) -> None:
        await exchange.closed()

    return script


def _head(status: int, headers: Mapping[str, str], length: int | None) -> bytes:
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
    lines.append("transfer-encoding: chunked" if length is None else f"content-length: {length}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def _has_gate(pieces: Sequence[Piece]) -> bool:
    return any(isinstance(piece, Gate) for piece in pieces)
