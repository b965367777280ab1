"""Row 2: content blocks of an Anthropic stream, one open at a time, out of pieces that come in any order."""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.convert.anthropic_openai.said import arguments_of
from gateway.convert.names import ToolNames, id_made, id_to_anthropic
from gateway.wire.stream import object_decode

_DELTA: Final = {
    "text": ("text_delta", "text"),
    "thinking": ("thinking_delta", "thinking"),
    "tool_use": ("input_json_delta", "partial_json"),
}


def event_print(kind: str, **members: Any) -> bytes:
    """One event; its name is its type."""
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **members}))


class _Block:
    """A block and what was said in it; `waiting` was not sent yet."""

    __slots__ = ("closed", "id", "kind", "name", "opened", "said", "waiting")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.id = ""
        self.name = ""
        self.said = ""  # A call's arguments so far.
        self.waiting: list[str] = []
        self.opened = False
        self.closed = False

    @property
    def complete(self) -> bool:
        """Whether nothing can be missing: text that something else follows, arguments that are a whole object."""
        if self.kind != "tool_use":
            return True
        # The last letter first: it is asked for every piece while another block waits.
        whole = self.said.rstrip().endswith("}") and object_decode(self.said.encode()) is not None
        return whole and bool(self.name)


class Blocks:
    """Pieces in, events out. The first unfinished block is sent as it comes; blocks behind it wait."""

    def __init__(self, names: ToolNames) -> None:
        self._names = names
        self._queue: deque[_Block] = deque()
        self._calls: dict[object, _Block] = {}
        self._last_key: object = None
        self._index = 0
        self._message_id = ""
        self.called = False
        self.output_bytes = 0

    def begin(self, message_id: str) -> None:
        """The message's id, of which ids are made for calls that come without."""
        self._message_id = message_id

    def text(self, kind: str, text: str) -> bytes:
        """A piece of text or thought."""
        self.output_bytes += len(text)
        if not self._queue or self._queue[-1].kind != kind:
            self._queue.append(_Block(kind))
        self._queue[-1].waiting.append(text)
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
            if block.kind == "tool_use" and not block.name:
                raise msgspec.ValidationError("A call came without a name.")
            events += self._send(block) + self._close(block)
        return events

    def _advance(self) -> bytes:
        events = b""
        while True:
            head = self._queue[0]
            if head.name or head.kind != "tool_use":
                events += self._send(head)
            if len(self._queue) == 1 or not head.complete:
                return events
            self._queue.popleft()
            events += self._close(head)

    def _block_of(self, call: Mapping[str, Any], function: Mapping[str, Any]) -> _Block:
        call_id, name = _text(call.get("id")), _text(function.get("name"))
        key = call.get("index")
        if key is None:  # Without numbers an id or a name begins a call, and all else goes on with the last one.
            key = call_id or (len(self._calls) + 1_000 if name else self._last_key)
        block = self._calls.get(key)
        if block is None or _begins(block, call_id, name):
            block = _Block("tool_use")
            block.id = id_to_anthropic(call_id) if call_id else id_made(self._message_id, len(self._calls), self._index)
            self._queue.append(block)
            self._calls[key] = block
            self.called = True
        self._last_key = key
        block.name = block.name or self._names.back(name)
        return block

    def _send(self, block: _Block) -> bytes:
        events = b""
        if not block.opened:
            block.opened = True
            events = event_print("content_block_start", index=self._index, content_block=_start(block))
        if block.waiting:
            kind, name = _DELTA[block.kind]
            delta = {"type": kind, name: "".join(block.waiting)}
            block.waiting = []
            events += event_print("content_block_delta", index=self._index, delta=delta)
        return events

    def _close(self, block: _Block) -> bytes:
        block.closed = True
        self._index += 1
        return event_print("content_block_stop", index=self._index - 1)


def _begins(block: _Block, call_id: str, name: str) -> bool:
    """Some providers number every call 0: another id with a name, or a name after whole arguments, begins one."""
    if not name or not block.name:
        return False
    return block.id != id_to_anthropic(call_id) if call_id else block.complete


def _start(block: _Block) -> dict[str, Any]:
    match block.kind:
        case "text":
            return {"type": "text", "text": ""}
        case "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}
        case _:
            return {"type": "tool_use", "id": block.id, "name": block.name, "input": {}}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
