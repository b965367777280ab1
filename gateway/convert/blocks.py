"""Texts, thoughts and calls of an OpenAI stream, one open at a time, out of pieces that come in any order. Pure."""

from collections import deque
from collections.abc import Mapping
from typing import Any, Literal, Protocol as TypingProtocol

import msgspec

from gateway.convert.said import arguments_of
from gateway.wire.stream import object_decode

Kind = Literal["text", "thinking", "refusal", "call"]


class Block:
    """A block and what was said in it; `waiting` was not sent yet."""

    __slots__ = ("closed", "given_id", "id", "kind", "name", "notes", "opened", "said", "waiting")

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.given_id = ""
        self.id = ""
        self.name = ""
        self.said = ""
        self.waiting: list[str] = []
        self.notes: list[dict[str, Any]] = []  # What belongs to it and is no text.
        self.opened = False
        self.closed = False

    @property
    def complete(self) -> bool:
        """Whether nothing can be missing: text that something else follows, arguments that are a whole object."""
        if self.kind != "call":
            return True
        # The last letter first: it is asked for every piece while another block waits.
        whole = self.said.rstrip().endswith("}") and object_decode(self.said.encode()) is not None
        return whole and bool(self.name)


class Words(TypingProtocol):
    """What a client's protocol says of a block; `at` is its place among all blocks."""

    def call_id(self, given: str, at: tuple[int, int]) -> str: ...
    def call_name(self, name: str) -> str: ...
    def opened(self, block: Block, at: int) -> bytes: ...
    def said(self, block: Block, at: int, text: str) -> bytes: ...
    def closed(self, block: Block, at: int) -> bytes: ...


class Blocks:
    """Pieces in, events out. The first unfinished block is sent as it comes; blocks behind it wait."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._queue: deque[Block] = deque()
        self._calls: dict[object, Block] = {}
        self._last_key: object = None
        self._index = 0
        self.called = False
        self.output_bytes = 0

    def text(self, kind: Kind, text: str, notes: list[dict[str, Any]] | None = None) -> bytes:
        """A piece of text or thought, and what belongs to it."""
        self.output_bytes += len(text)
        if not self._queue or self._queue[-1].kind != kind:
            self._queue.append(Block(kind))
        block = self._queue[-1]
        block.notes += notes or []
        if text:
            block.said += text
            block.waiting.append(text)
        return self._advance()

    def call(self, call: Mapping[str, Any]) -> bytes:
        """A piece of a call, or a whole one."""
        function = call.get("function")
        if not isinstance(function, dict):
            return b""  # A freeform call: none was offered.
        block = self._block_of(call, function)
        arguments = arguments_of(function)
        self.output_bytes += len(arguments)
        if block.closed:
            if arguments.strip():
                raise msgspec.ValidationError("Arguments came for a call that was complete.")
            return b""
        if arguments:
            block.said += arguments
            block.waiting.append(arguments)
        return self._advance()

    def flush(self) -> bytes:
        """Nothing more comes: send what waits, in order, and close it."""
        events = b""
        while self._queue:
            block = self._queue.popleft()
            if block.kind == "call" and not block.name:
                raise msgspec.ValidationError("A call came without a name.")
            events += self._send(block) + self._close(block)
        return events

    def _advance(self) -> bytes:
        events = b""
        while True:
            head = self._queue[0]
            if head.name or head.kind != "call":
                events += self._send(head)
            if len(self._queue) == 1 or not head.complete:
                return events
            self._queue.popleft()
            events += self._close(head)

    def _block_of(self, call: Mapping[str, Any], function: Mapping[str, Any]) -> Block:
        call_id, name = _text(call.get("id")), _text(function.get("name"))
        key = call.get("index")
        if key is None:  # Without numbers an id or a name begins a call, and all else goes on with the last one.
            key = call_id or (len(self._calls) + 1_000 if name else self._last_key)
        block = self._calls.get(key)
        if block is None or _begins(block, call_id, name):
            block = Block("call")
            block.given_id = call_id
            block.id = self._words.call_id(call_id, (len(self._calls), self._index))
            self._queue.append(block)
            self._calls[key] = block
            self.called = True
        self._last_key = key
        block.name = block.name or self._words.call_name(name)
        return block

    def _send(self, block: Block) -> bytes:
        events = b""
        if not block.opened:
            block.opened = True
            events = self._words.opened(block, self._index)
        if block.waiting:
            text = "".join(block.waiting)
            block.waiting = []
            events += self._words.said(block, self._index, text)
        return events

    def _close(self, block: Block) -> bytes:
        block.closed = True
        self._index += 1
        return self._words.closed(block, self._index - 1)


def _begins(block: Block, call_id: str, name: str) -> bool:
    """Some providers number every call 0: another id with a name, or a name after whole arguments, begins one."""
    if not name or not block.name:
        return False
    return block.given_id != call_id if call_id else block.complete


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
