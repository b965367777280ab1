"""Row 2: what Anthropic's events say of the blocks of a stream."""

from typing import Any, Final

import msgspec

from gateway.convert.blocks import Block
from gateway.convert.names import ToolNames, id_made, id_to_anthropic

_DELTA: Final = {
    "text": ("text_delta", "text"),
    "thinking": ("thinking_delta", "thinking"),
    "call": ("input_json_delta", "partial_json"),
}


def event_print(kind: str, **members: Any) -> bytes:
    """One event; its name is its type."""
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **members}))


class AnthropicWords:
    """The words of one stream; calls that come without an id get one made of the message's."""

    def __init__(self, names: ToolNames) -> None:
        self._names = names
        self.message_id = ""

    def call_id(self, given: str, at: tuple[int, int]) -> str:
        """An id with letters that Anthropic takes."""
        return id_to_anthropic(given) if given else id_made(self.message_id, *at)

    def call_name(self, name: str) -> str:
        """The client's own name."""
        return self._names.back(name)

    def opened(self, block: Block, at: int) -> bytes:
        """The start of a block."""
        return event_print("content_block_start", index=at, content_block=_start(block))

    def said(self, block: Block, at: int, text: str) -> bytes:
        """A piece of it."""
        kind, name = _DELTA[block.kind]
        return event_print("content_block_delta", index=at, delta={"type": kind, name: text})

    def closed(self, block: Block, at: int) -> bytes:
        """Its end."""
        return event_print("content_block_stop", index=at)


def _start(block: Block) -> dict[str, Any]:
    match block.kind:
        case "text":
            return {"type": "text", "text": ""}
        case "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}
        case _:
            return {"type": "tool_use", "id": block.id, "name": block.name, "input": {}}
