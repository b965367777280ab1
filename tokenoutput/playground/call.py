"""One streamed request through the gateway's own door, made inside the process: its client is whoever reads it."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

import anyio
import msgspec

from gateway.inside import INSIDE, Inside
from tokenoutput.inner_scope import inner_scope
from tokenoutput.plain_answer import Message, Receive, Send
from tokenoutput.playground.answer import AnswerReader, Piece

PATH = "/v1/chat/completions"
# Messages between the gateway and a reader that is slower: then the gateway waits, as for any slow client.
WAITING_MAX = 16


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked, by whose key, under which id, from where."""

    body: Mapping[str, Any] = field(repr=False)
    key_hash: bytes = field(repr=False)
    request_id: UUID
    client: tuple[str, int] | None


async def answer_pieces(gateway: Any, asked: Asked, reader: AnswerReader) -> AsyncGenerator[Piece]:
    """Ask, and give the answer as it comes; to stop reading is to hang up."""
    # No task group here: who iterates may end in another task. The process owns the request, as it does any.
    call = _Call(msgspec.json.encode(asked.body))
    scope = inner_scope(PATH, size=call.size, client=asked.client)
    scope[INSIDE] = Inside(asked.key_hash, asked.request_id)
    gateway.background(partial(call.run, gateway, scope))
    try:
        async with aclosing(call.messages()) as messages:
            async for message in messages:
                if message["type"] == "http.response.start":
                    reader.begin(message["status"], message["headers"])
                    continue
                for piece in reader.feed(message.get("body", b"")):
                    yield piece
        for piece in reader.finish():
            yield piece
    finally:
        call.leave()


class _Call:
    """Both ends of a request: the body goes in once, and then nothing but the reader's leaving."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self.size = len(body)
        self._over = anyio.Event()
        self._write, self._read = anyio.create_memory_object_stream[Message](WAITING_MAX)

    async def run(self, gateway: Callable[[Mapping[str, Any], Receive, Send], Any], scope: Mapping[str, Any]) -> None:
        """Let the gateway answer; however that ends, the reader is told."""
        with self._write:
            await gateway(scope, self.receive, self.send)

    async def messages(self) -> AsyncGenerator[Message]:
        """What the gateway sent."""
        with self._read:
            async for message in self._read:
                yield message

    def leave(self) -> None:
        """Nobody reads any more, or all is read."""
        self._over.set()
        self._read.close()

    async def receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._over.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        try:
            await self._write.send(message)
        except anyio.BrokenResourceError as gone:
            raise ConnectionResetError("The page hung up.") from gone
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._over.set()
