"""Responses: the items of an answer, out of its blocks."""

from typing import Any

from gateway.convert.blocks import Block
from gateway.convert.names import id_made
from gateway.convert.responses.request import Plan
from gateway.convert.responses.response import Frame
from gateway.convert.responses.thoughts import thought_seal
from gateway.convert.responses.tools import Tool, input_of

_ID_KINDS = {"text": "msg", "refusal": "msg", "thinking": "rs"}


class Items:
    """Builds the items: `output` holds those that are finished. `cut` says that the last one is not whole."""

    def __init__(self, plan: Plan) -> None:
        self.frame: Frame
        self.output: list[dict[str, Any]] = []
        self.cut = False
        self._plan = plan

    def tool(self, block: Block) -> Tool:
        """The client's tool that a block calls."""
        return self._plan.toolbox.back(block.name)

    def item_id(self, block: Block, at: int) -> str:
        """The id of the item that a block is."""
        kind = _ID_KINDS.get(block.kind) or ("ctc" if self.tool(block).kind == "custom" else "fc")
        return self.frame.item_id(kind, at)

    def call_id(self, given: str, at: tuple[int, int]) -> str:
        """A call's id: the upstream's own where it gave one."""
        return given or id_made(self.frame.name, *at)

    @property
    def summarized(self) -> bool:
        """Whether thoughts are told as a summary."""
        return self._plan.summarized

    def item(self, block: Block, at: int, status: str) -> dict[str, Any]:
        """The item that a block is: empty while it is in progress, else with all that was said."""
        said = "" if status == "in_progress" else block.said
        head = {"id": self.item_id(block, at)}
        match block.kind:
            case "text" | "refusal":
                content = [] if status == "in_progress" else [part_of(block.kind, said)]
                return {**head, "type": "message", "status": status, "role": "assistant", "content": content}
            case "thinking":
                return {**head, **self._thought(block, said, status)}
            case _:
                return {**head, **self._call(block, said, status)}

    def finish(self, block: Block, at: int) -> dict[str, Any]:
        """The finished item, which the response has too."""
        item = self.item(block, at, "incomplete" if self.cut else "completed")
        self.output.append(item)
        return item

    def _thought(self, block: Block, said: str, status: str) -> dict[str, Any]:
        parts = [{"type": "summary_text" if self.summarized else "reasoning_text", "text": said}] if said else []
        item: dict[str, Any] = {"type": "reasoning", "status": status, "summary": parts if self.summarized else []}
        if not self.summarized:
            item["content"] = parts
        if self._plan.sealed:
            item["encrypted_content"] = thought_seal(said, block.notes) if said or block.notes else None
        return item

    def _call(self, block: Block, said: str, status: str) -> dict[str, Any]:
        tool = self.tool(block)
        named: dict[str, Any] = {"call_id": block.id, "name": tool.name}
        named |= {"namespace": tool.namespace} if tool.namespace else {}
        if tool.kind == "custom":
            return {"type": "custom_tool_call", "status": status, **named, "input": input_of(said)}
        arguments = said or ("" if status == "in_progress" else "{}")
        return {"type": "function_call", "status": status, **named, "arguments": arguments}


def part_of(kind: str, text: str) -> dict[str, Any]:
    """A part of a message."""
    if kind == "refusal":
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
