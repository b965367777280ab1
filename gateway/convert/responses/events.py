"""Responses: what a stream says while each item of an answer grows."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.convert.blocks import Block
from gateway.convert.responses.output import Items, part_of

_ARGUMENTS: Final = "response.function_call_arguments"
_INPUT: Final = "response.custom_tool_call_input"


class Events:
    """The words of one stream: every event has its number."""

    def __init__(self, items: Items) -> None:
        self._items = items
        self._count = 0
        self._thinking_at = -1  # The place of the item whose part of thoughts was begun last.

    def print(self, kind: str, **members: Any) -> bytes:
        """One event; its name is its type."""
        numbered = {"type": kind, "sequence_number": self._count, **members}
        self._count += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode(numbered))

    def call_id(self, given: str, at: tuple[int, int]) -> str:
        """A call's id."""
        return self._items.call_id(given, at)

    def call_name(self, name: str) -> str:
        """The name upstream: the tool is found by it."""
        return name

    def opened(self, block: Block, at: int) -> bytes:
        """An item is there, and where it has parts, its only one."""
        item = self._items.item(block, at, "in_progress")
        added = self.print("response.output_item.added", output_index=at, item=item)
        match block.kind:
            case "text" | "refusal":
                return added + self._part("response.content_part.added", block, at, part_of(block.kind, ""))
            case _:
                return added

    def said(self, block: Block, at: int, text: str) -> bytes:
        """A piece of it."""
        match block.kind:
            case "text":
                return self._piece("response.output_text.delta", block, at, content_index=0, delta=text, logprobs=[])
            case "refusal":
                return self._piece("response.refusal.delta", block, at, content_index=0, delta=text)
            case "thinking":
                return self._thought(block, at, text)
            case _ if self._items.tool(block).kind == "custom":
                return b""  # Its free text is inside the arguments: told when they are whole.
            case _:
                return self._piece(f"{_ARGUMENTS}.delta", block, at, delta=text)

    def closed(self, block: Block, at: int) -> bytes:
        """Its end, with all that was said once more."""
        item = self._items.finish(block, at)
        match block.kind:
            case "text":
                done = self._piece(
                    "response.output_text.done", block, at, content_index=0, text=block.said, logprobs=[]
                ) + self._part("response.content_part.done", block, at, item["content"][0])
            case "refusal":
                done = self._piece("response.refusal.done", block, at, content_index=0, refusal=block.said)
                done += self._part("response.content_part.done", block, at, item["content"][0])
            case "thinking":
                done = self._thought_done(block, at) if block.said else b""
            case _:
                done = self._call_done(block, at, item)
        return done + self.print("response.output_item.done", output_index=at, item=item)

    def _call_done(self, block: Block, at: int, item: Mapping[str, Any]) -> bytes:
        if item["type"] == "function_call":
            given = item["arguments"]
            missed = b"" if block.said else self._piece(f"{_ARGUMENTS}.delta", block, at, delta=given)
            return missed + self._piece(f"{_ARGUMENTS}.done", block, at, arguments=given)
        given = item["input"]
        delta = self._piece(f"{_INPUT}.delta", block, at, delta=given)
        return delta + self._piece(f"{_INPUT}.done", block, at, input=given)

    def _thought(self, block: Block, at: int, text: str) -> bytes:
        kind, index = self._thought_words()
        first = b""
        if self._thinking_at != at:
            self._thinking_at = at
            first = self._thought_part("added", block, at, "")
        return first + self._piece(f"{kind}.delta", block, at, **index, delta=text)

    def _thought_done(self, block: Block, at: int) -> bytes:
        kind, index = self._thought_words()
        done = self._piece(f"{kind}.done", block, at, **index, text=block.said)
        return done + self._thought_part("done", block, at, block.said)

    def _thought_part(self, word: str, block: Block, at: int, text: str) -> bytes:
        if self._items.summarized:
            part = {"type": "summary_text", "text": text}
            return self._piece(f"response.reasoning_summary_part.{word}", block, at, summary_index=0, part=part)
        return self._part(f"response.content_part.{word}", block, at, {"type": "reasoning_text", "text": text})

    def _thought_words(self) -> tuple[str, dict[str, int]]:
        if self._items.summarized:
            return "response.reasoning_summary_text", {"summary_index": 0}
        return "response.reasoning_text", {"content_index": 0}

    def _part(self, kind: str, block: Block, at: int, part: Mapping[str, Any]) -> bytes:
        return self._piece(kind, block, at, content_index=0, part=part)

    def _piece(self, kind: str, block: Block, at: int, **members: Any) -> bytes:
        return self.print(kind, item_id=self._items.item_id(block, at), output_index=at, **members)
