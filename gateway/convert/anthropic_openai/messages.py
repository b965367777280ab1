"""Row 2: an Anthropic conversation as OpenAI's messages, every result right after its call."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.convert.anthropic_openai.parts import content_of, parts_of_block, result_of, texts_of_system
from gateway.convert.fields import Drops
from gateway.convert.names import ToolNames, id_to_openai
from gateway.convert.shapes import object_at, objects_at, parts_at, refused, text_at
from gateway.wire.body import BodyInvalid


class Conversation:
    """Takes the turns in order; `messages` are OpenAI's.

    OpenAI wants every result directly after the turn that called. So while calls are open, all else is held back.
    """

    def __init__(self, names: ToolNames, drops: Drops, *, reasoning_back: bool) -> None:
        self.messages: list[dict[str, Any]] = []
        self._names = names
        self._drops = drops
        self._reasoning_back = reasoning_back
        self._open_calls: set[str] = set()
        self._held: list[dict[str, Any]] = []

    def system(self, content: object, where: str) -> None:
        """A system prompt, at the start or in mid-conversation."""
        if texts := texts_of_system(content, where, self._drops):
            self._say({"role": "system", "content": "\n".join(texts)})

    def turns(self, messages: object) -> None:
        """Every turn of the conversation."""
        for turn, where in objects_at(messages, "messages"):
            content = turn.get("content")
            match turn.get("role"):
                case "user":
                    self._user(content, f"{where}.content")
                case "assistant":
                    self._assistant(content, f"{where}.content")
                case "system":
                    self.system(content, f"{where}.content")
                case _:
                    raise BodyInvalid(f"{where}.role must be user, assistant or system.", f"{where}.role")
        self._release()
        if not self.messages:
            raise BodyInvalid("messages has no content.", "messages")

    def _user(self, content: object, where: str) -> None:
        parts: list[dict[str, Any]] = []
        for block, place in parts_at(content, where):
            if block.get("type") == "tool_result":
                parts += self._result(block, place)
            else:
                parts += parts_of_block(block, place, self._drops)
        if parts:
            self._say({"role": "user", "content": content_of(parts)})
        elif not isinstance(content, list):
            self._say({"role": "user", "content": ""})

    def _result(self, block: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
        """The result goes out at once; what a tool message cannot hold comes back, said whose it is."""
        call_id = id_to_openai(text_at(block.get("tool_use_id"), f"{where}.tool_use_id"))
        text, media = result_of(block, where, self._drops)
        self.messages.append({"role": "tool", "tool_call_id": call_id, "content": text})
        self._open_calls.discard(call_id)
        return [{"type": "text", "text": f"Result of tool call {call_id}:"}, *media] if media else []

    def _say(self, message: dict[str, Any]) -> None:
        if self._open_calls:
            self._held.append(message)
        else:
            self._release()
            self.messages.append(message)

    def _release(self) -> None:
        self.messages += self._held
        self._held = []

    def _assistant(self, content: object, where: str) -> None:
        texts: list[str] = []
        thoughts: list[str] = []
        calls: list[dict[str, Any]] = []
        for block, place in parts_at(content, where):
            match block.get("type"):
                case "text":
                    texts.append(text_at(block.get("text"), f"{place}.text"))
                case "tool_use":
                    calls.append(self._call(block, place))
                case "thinking":
                    thoughts.append(text_at(block.get("thinking"), f"{place}.thinking"))
                case "compaction" if isinstance(block.get("content"), str):
                    texts.append(block["content"] + "\n\n")
                case kind:
                    self._leave_out(kind, place)
        self._reply("".join(texts), "".join(thoughts), calls)

    def _leave_out(self, kind: object, where: str) -> None:
        """What another provider did on its own side has no place here; anything else is not known."""
        if not isinstance(kind, str) or not (kind in _OWN_SIDE or kind.endswith("_tool_result")):
            raise refused(f"a block of type {str(kind)[:40]!r}", where)
        self._drops.add(f"messages.{kind}")

    def _reply(self, text: str, thoughts: str, calls: list[dict[str, Any]]) -> None:
        message: dict[str, Any] = {"role": "assistant", "content": text or None}
        if calls:
            message["tool_calls"] = calls
        if thoughts and calls and self._reasoning_back:
            message["reasoning_content"] = thoughts
        elif thoughts:
            self._drops.add("messages.thinking")
        self._release()
        if text or calls:  # Nothing but thoughts: nothing was said.
            self.messages.append(message)
        self._open_calls = {call["id"] for call in calls}

    def _call(self, block: Mapping[str, Any], where: str) -> dict[str, Any]:
        name = self._names.there(text_at(block.get("name"), f"{where}.name"))
        arguments = msgspec.json.encode(object_at(block.get("input", {}), f"{where}.input")).decode()
        call_id = id_to_openai(text_at(block.get("id"), f"{where}.id"))
        return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


_OWN_SIDE = frozenset(("redacted_thinking", "server_tool_use", "mcp_tool_use", "compaction", "fallback"))
