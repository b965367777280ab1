"""Responses: the items of a conversation as the messages of Chat Completions, every result right after its call."""

from collections.abc import Mapping
from typing import Any, Final

from catalog.snapshot import Protocol
from gateway.convert.anthropic_openai.parts import content_of
from gateway.convert.fields import Drops
from gateway.convert.names import id_to_openai
from gateway.convert.responses.parts import parts_of, text_of
from gateway.convert.responses.thoughts import thought_open
from gateway.convert.responses.tools import Toolbox, arguments_of_input
from gateway.convert.shapes import objects_at, refused, text_at
from gateway.wire.body import BodyInvalid

# What a provider did on its own side in an earlier turn: its findings are in the text that followed.
_PAST: Final = ("web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "tool_search_")


class Conversation:
    """Takes the items in order; `messages` are those of Chat Completions.

    The model's items in a row (thoughts, text, calls) are one message, and a result goes behind the message that
    called, whatever was said since.
    """

    def __init__(self, toolbox: Toolbox, drops: Drops, *, upstream: Protocol, reasoning_back: bool) -> None:
        self.messages: list[dict[str, Any]] = []
        self._toolbox = toolbox
        self._drops = drops
        self._upstream = upstream
        self._reasoning_back = reasoning_back
        self._turn: dict[str, Any] | None = None  # the model's message that may still grow
        self._thoughts: dict[str, Any] = {}  # of the model's next message
        self._callers: dict[str, dict[str, Any]] = {}  # the message of each call that has no result yet

    def instruct(self, text: str) -> None:
        """A word of the system; those at the start are one message, as strict templates want it."""
        self._turn = None
        if self.messages and all(message["role"] == "system" for message in self.messages):
            self.messages[-1]["content"] += f"\n\n{text}"
        else:
            self.messages.append({"role": "system", "content": text})

    def read(self, given: object) -> None:
        """The whole input."""
        if isinstance(given, str):
            given = [{"role": "user", "content": given}]
        for item, where in objects_at(given, "input"):
            self._item(item, where)
        if not any(message["role"] != "system" for message in self.messages):
            # Instructions alone: what they ask for is the question.
            for message in self.messages:
                message["role"] = "user"

    def _item(self, item: Mapping[str, Any], where: str) -> None:
        match item.get("type", "message"):
            case "message":
                self._message(item, where)
            case "function_call":
                arguments = text_at(item.get("arguments"), f"{where}.arguments")
                self._call(item, arguments, where)
            case "custom_tool_call":
                self._call(item, arguments_of_input(text_at(item.get("input"), f"{where}.input")), where)
            case "function_call_output" | "custom_tool_call_output":
                self._result(item, where)
            case "reasoning":
                self._reasoning(item)
            case str(kind) if kind.startswith(_PAST):
                self._drops.add(f"input.{kind}")
            case "item_reference":
                raise refused("an item that was stored elsewhere", where)
            case kind:
                raise refused(f"an item of type {str(kind)[:40]!r}", where)

    def _message(self, item: Mapping[str, Any], where: str) -> None:
        parts = parts_of(item.get("content"), f"{where}.content")
        match item.get("role"):
            case "user":
                self._turn = None
                self.messages.append({"role": "user", "content": content_of(parts)})
            case "assistant":
                self._say(text_of(parts))
            case "system" | "developer":
                self.instruct(text_of(parts))
            case role:
                raise BodyInvalid(f"{where}.role {str(role)[:40]!r} is not known.", f"{where}.role")

    def _say(self, text: str) -> None:
        if self._turn is not None and self._turn["content"] is not None and "tool_calls" not in self._turn:
            self._turn = None
        turn = self._turn or self._begin()
        turn["content"] = text if turn["content"] is None else f"{turn['content']}\n{text}"

    def _call(self, item: Mapping[str, Any], arguments: str, where: str) -> None:
        call_id = text_at(item.get("call_id"), f"{where}.call_id")
        name = self._toolbox.there(text_at(item.get("name"), f"{where}.name"), item.get("namespace"))
        turn = self._turn or self._begin()
        call = {"id": self._id(call_id), "type": "function", "function": {"name": name, "arguments": arguments}}
        turn.setdefault("tool_calls", []).append(call)
        self._callers[call_id] = turn

    def _result(self, item: Mapping[str, Any], where: str) -> None:
        call_id = text_at(item.get("call_id"), f"{where}.call_id")
        caller = self._callers.pop(call_id, None)
        if caller is None:
            raise BodyInvalid(f"{where}.call_id: no call before it has this id.", f"{where}.call_id")
        if self._turn is caller:
            self._turn = None
        at = next(at for at in range(len(self.messages) - 1, -1, -1) if self.messages[at] is caller) + 1
        while at < len(self.messages) and self.messages[at]["role"] == "tool":
            at += 1
        parts = parts_of(item.get("output"), f"{where}.output")
        media = [part for part in parts if part["type"] != "text"]
        message = {"role": "tool", "tool_call_id": self._id(call_id), "content": content_of(parts)}
        if self._upstream == "openai_chat":  # Its tool messages hold text alone.
            message["content"] = text_of(parts)
        if media and self._upstream == "openai_chat":
            message["content"] = message["content"] or "The result follows in the next message."
            told = [{"type": "text", "text": f"Result of tool call {call_id}:"}, *media]
            self.messages.insert(at, {"role": "user", "content": told})
        self.messages.insert(at, message)

    def _reasoning(self, item: Mapping[str, Any]) -> None:
        if self._turn is not None and "tool_calls" not in self._turn:
            self._turn = None
        text, details = thought_open(item)
        kept: dict[str, Any] = {}
        if details and self._upstream == "anthropic_messages":
            kept = {"reasoning_details": details}
        elif text and self._upstream == "openai_chat" and self._reasoning_back:
            kept = {"reasoning_content": text}
        if not kept:
            self._drops.add("input.reasoning")
        holder = self._thoughts if self._turn is None else self._turn
        for name, value in kept.items():
            holder[name] = holder[name] + value if name in holder else value

    def _begin(self) -> dict[str, Any]:
        self._turn = {"role": "assistant", "content": None, **self._thoughts}
        self._thoughts = {}
        self.messages.append(self._turn)
        return self._turn

    def _id(self, call_id: str) -> str:
        return id_to_openai(call_id) if self._upstream == "openai_chat" else call_id
