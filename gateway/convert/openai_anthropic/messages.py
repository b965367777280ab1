"""Row 3: an OpenAI conversation as Anthropic's system prompt and turns."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.convert.anthropic_openai.answer import INVALID_JSON
from gateway.convert.fields import Drops
from gateway.convert.names import ToolNames, id_to_anthropic
from gateway.convert.openai_anthropic.parts import blocks_of, text_of, texts_of
from gateway.convert.openai_anthropic.thoughts import blocks_of_details
from gateway.convert.shapes import object_at, objects_at, refused, text_at
from gateway.wire.body import BodyInvalid
from gateway.wire.stream import object_decode


class Conversation:
    """Takes the messages in order; `system` and `turns` are Anthropic's. Messages of one role in a row are one turn."""

    def __init__(self, names: ToolNames, drops: Drops, public_id: str) -> None:
        self.system: list[dict[str, Any]] = []
        self.turns: list[dict[str, Any]] = []
        self._names = names
        self._drops = drops
        self._public_id = public_id
        self._legacy_calls = 0

    def read(self, messages: object) -> None:
        """Every message."""
        for message, where in objects_at(messages, "messages"):
            content = message.get("content")
            match message.get("role"):
                case "system" | "developer":
                    self._system(content, f"{where}.content")
                case "user":
                    self._add("user", blocks_of(content, f"{where}.content"))
                case "assistant":
                    self._assistant(message, where)
                case "tool":
                    call_id = text_at(message.get("tool_call_id"), f"{where}.tool_call_id")
                    self._result(call_id, content, f"{where}.content")
                case "function":
                    self._result(f"call_legacy_{self._legacy_calls}", content, f"{where}.content")
                case role:
                    raise BodyInvalid(f"{where}.role {str(role)[:40]!r} is not known.", f"{where}.role")
        self._close()

    @property
    def prefilled(self) -> bool:
        """Whether the answer goes on from a text that the client began."""
        return bool(self.turns) and self.turns[-1]["role"] == "assistant"

    @property
    def loop_without_thoughts(self) -> bool:
        """Whether the last turn answers calls that came without signed thoughts."""
        if len(self.turns) < _CALL_AND_RESULT or self.turns[-1]["content"][0]["type"] != "tool_result":
            return False
        return self.turns[-2]["content"][0]["type"] not in _THOUGHTS

    def _system(self, content: object, where: str) -> None:
        """Anthropic takes a system prompt at the start; a later one keeps its place and says what it is."""
        if not self.turns:
            self.system += texts_of(content, where)
        elif text := text_of(content, where):
            self._add("user", [{"type": "text", "text": f"{_NOTE}\n{text}"}])

    def _assistant(self, message: Mapping[str, Any], where: str) -> None:
        thoughts = blocks_of_details(message.get("reasoning_details"), self._public_id)
        if not thoughts and any(message.get(name) for name in _REASONING):
            self._drops.add("messages.reasoning")
        blocks = self._spoken(message.get("content"), f"{where}.content")
        refusal = message.get("refusal")
        if isinstance(refusal, str) and refusal.strip():
            blocks.append({"type": "text", "text": refusal})
        for call, place in objects_at(message.get("tool_calls"), f"{where}.tool_calls"):
            if call.get("type", "function") != "function":
                raise refused(f"a call of type {str(call.get('type'))[:40]!r}", place)
            call_id = text_at(call.get("id"), f"{place}.id")
            blocks.append(self._call(call_id, call.get("function"), f"{place}.function"))
        if (legacy := message.get("function_call")) is not None:
            self._legacy_calls += 1
            blocks.append(self._call(f"call_legacy_{self._legacy_calls}", legacy, f"{where}.function_call"))
        if message.get("audio"):
            raise refused("an answer that was spoken", f"{where}.audio")
        self._add("assistant", thoughts + blocks if blocks else [])

    def _spoken(self, content: object, where: str) -> list[dict[str, Any]]:
        """Texts; thoughts in lists of parts are unsigned, and stay here."""
        if not isinstance(content, list):
            return texts_of(content, where)
        said = [one for one in content if not (isinstance(one, dict) and one.get("type") == "thinking")]
        if len(said) < len(content):
            self._drops.add("messages.reasoning")
        return texts_of(said, where)

    def _call(self, call_id: str, function: object, where: str) -> dict[str, Any]:
        called = object_at(function, where)
        name = self._names.there(text_at(called.get("name"), f"{where}.name"))
        given = called.get("arguments") or ""
        arguments = given if isinstance(given, dict) else _object_of(text_at(given, f"{where}.arguments"))
        return {"type": "tool_use", "id": id_to_anthropic(call_id), "name": name, "input": arguments}

    def _result(self, call_id: str, content: object, where: str) -> None:
        """Results come first in their turn, whatever was said in between."""
        blocks = blocks_of(content, where)
        block: dict[str, Any] = {"type": "tool_result", "tool_use_id": id_to_anthropic(call_id)}
        if isinstance(content, str):
            block |= {"content": content} if content else {}
        elif blocks:
            block["content"] = blocks
        if not self.turns or self.turns[-1]["role"] != "user":
            self.turns.append({"role": "user", "content": []})
        turn = self.turns[-1]["content"]
        at = next((at for at, one in enumerate(turn) if one["type"] != "tool_result"), len(turn))
        turn.insert(at, block)

    def _add(self, role: str, blocks: list[dict[str, Any]]) -> None:
        if not blocks:
            return
        if self.turns and self.turns[-1]["role"] == role:
            self.turns[-1]["content"] += blocks
        else:
            self.turns.append({"role": role, "content": blocks})

    def _close(self) -> None:
        if not self.turns:  # A system prompt alone: what it asks for is the question.
            self.turns, self.system = ([{"role": "user", "content": self.system}] if self.system else []), []
        if not self.turns:
            raise BodyInvalid("messages has no text.", "messages")
        if self.turns[0]["role"] == "assistant":  # A greeting, or a history cut short: Anthropic wants the user first.
            self.turns.insert(0, {"role": "user", "content": [{"type": "text", "text": _BEFORE}]})
        last = self.turns[-1]["content"][-1]
        if self.prefilled and last["type"] == "text":
            last["text"] = last["text"].rstrip()


def _object_of(arguments: str) -> dict[str, Any]:
    """The arguments of a call; what is no object is kept as text, in the form that Anthropic's docs name."""
    if not arguments.strip():
        return {}
    found = object_decode(arguments.encode(errors="replace"))
    return {INVALID_JSON: arguments} if found is None else found


_CALL_AND_RESULT: Final = 2
_THOUGHTS: Final = frozenset(("thinking", "redacted_thinking"))
_REASONING: Final = ("reasoning_content", "reasoning", "reasoning_details")
_NOTE: Final = "[System message]"
_BEFORE: Final = "[The conversation begins with the assistant.]"
