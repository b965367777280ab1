"""The fastest upstream we can make, so that the gateway is what is measured: `-m tests.bench.mock_upstream PORT`."""

import asyncio
import json
import sys
from typing import cast

import uvloop

CHUNKS = 40
_BASE = {"id": "chatcmpl-1", "created": 1790000000, "model": "mock"}
_USAGE = {"prompt_tokens": 20, "completion_tokens": CHUNKS, "total_tokens": 20 + CHUNKS}
_TEXT = "An answer of a usual small size, so that reading and relaying it costs something, but not much. " * 2


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _chunk(delta: dict[str, str] | None, finish: str | None = None, **more: object) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    event = b"data: " + _json({**_BASE, "object": "chat.completion.chunk", "choices": choices, **more}) + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(event), event)


def _whole() -> bytes:
    message = {"role": "assistant", "content": _TEXT}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = _json({**_BASE, "object": "chat.completion", "choices": [choice], "usage": _USAGE})
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


WHOLE = _whole()
EVENTS = [
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    + _chunk({"role": "assistant", "content": ""}),
    *[_chunk({"content": f" word{number}"}) for number in range(CHUNKS)],
    _chunk({}, "stop") + _chunk(None, usage=_USAGE) + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n",
]
STREAM = b"".join(EVENTS)


class Mock(asyncio.Protocol):
    """Answers as soon as a request's body is there. `"pause_ms":10` in the body puts pauses between the chunks."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Uvloop's transport is one by its methods, not by its class.
        self._transport, self._buffer = cast("asyncio.Transport", transport), b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._buffer = body[length:]
        self._answer(body[:length])

    def _answer(self, body: bytes) -> None:
        if b'"stream":true' not in body:
            self._transport.write(WHOLE)
        elif b'"pause_ms":' in body:
            pause = int(body.partition(b'"pause_ms":')[2].partition(b"}")[0].partition(b",")[0]) / 1000
            self._play(0, pause)
        else:
            self._transport.write(STREAM)

    def _play(self, number: int, pause_seconds: float) -> None:
        if number < len(EVENTS) and not self._transport.is_closing():
            self._transport.write(EVENTS[number])
            asyncio.get_running_loop().call_later(pause_seconds, self._play, number + 1, pause_seconds)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Mock, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
