"""Responses: tools as functions, under names that lead back to them, and the choice among them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from gateway.convert.fields import Drops
from gateway.convert.names import ToolNames
from gateway.convert.shapes import object_at, objects_at, refused, text_at, value_of
from gateway.wire.body import BodyInvalid
from gateway.wire.request import boolean_read, member
from gateway.wire.stream import object_decode

# Tools of the provider's own that a model can do without: agents announce them to every model.
_DISPENSABLE: Final = ("web_search", "image_generation", "tool_search")
_INPUT_SCHEMA: Final = {
    "type": "object",
    "properties": {"input": {"type": "string", "description": "The whole input of the tool."}},
    "required": ["input"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as the client named it. A custom one takes free text."""

    kind: Literal["function", "custom"]
    name: str
    namespace: str | None = None


class Toolbox:
    """One request's tools: `functions` and `choice` go upstream, `back` knows whose call an answer's is."""

    def __init__(self, members: Mapping[str, msgspec.Raw], drops: Drops) -> None:
        self.functions: list[dict[str, Any]] = []
        self.choice: str | dict[str, Any] | None = None
        self._names = ToolNames()
        self._tools: dict[str, Tool] = {}
        self._drops = drops
        for tool, where in objects_at(value_of(members, "tools"), "tools"):
            self._offer(tool, where)
        self._choose(value_of(members, "tool_choice"))
        self.serial = member(members, "parallel_tool_calls") is not None and not _parallel(members)

    def there(self, name: str, namespace: object) -> str:
        """The function's name upstream."""
        return self._names.there(f"{namespace}__{name}" if isinstance(namespace, str) and namespace else name)

    def back(self, name: str) -> Tool:
        """The client's tool; a name that nobody offered stands for itself."""
        known = self._tools.get(name)
        return known or Tool("function", self._names.back(name))

    def _offer(self, tool: Mapping[str, Any], where: str) -> None:
        match tool.get("type"):
            case "function" | "custom":
                self._add(tool, where, None, "")
            case "namespace":
                namespace, said = text_at(tool.get("name"), f"{where}.name"), str(tool.get("description") or "")
                for inner, place in objects_at(tool.get("tools"), f"{where}.tools"):
                    if inner.get("type") not in ("function", "custom"):
                        raise refused(f"a tool of type {str(inner.get('type'))[:40]!r}", place)
                    self._add(inner, place, namespace, said)
                    said = ""  # What holds for all of them is said once.
            case str(kind) if kind.startswith(_DISPENSABLE):
                self._drops.add(f"tools.{kind}")
            case kind:
                raise refused(f"a tool of type {str(kind)[:40]!r}", where)

    def _add(self, tool: Mapping[str, Any], where: str, namespace: str | None, said: str) -> None:
        name = text_at(tool.get("name"), f"{where}.name")
        there = self.there(name, namespace)
        told = [tool.get("description"), said]
        if tool["type"] == "custom":
            self._tools[there] = Tool("custom", name, namespace)
            function: dict[str, Any] = {"name": there, "parameters": _INPUT_SCHEMA}
            told.append(_grammar(tool.get("format")))
        else:
            self._tools[there] = Tool("function", name, namespace)
            function = {"name": there}
            if tool.get("parameters") is not None:
                function["parameters"] = object_at(tool["parameters"], f"{where}.parameters")
            if tool.get("strict") is True:
                function["strict"] = True
        if description := "\n\n".join(one for one in told if isinstance(one, str) and one):
            function["description"] = description
        self.functions.append({"type": "function", "function": function})

    def _choose(self, choice: Any) -> None:
        match choice:
            case None | "auto":
                return
            case "none" | "required":
                self.choice = choice
            case {"type": "function" | "custom", "name": str()}:
                self.choice = {"type": "function", "function": {"name": self._named(choice, "tool_choice")}}
            case {"type": "allowed_tools", "mode": "auto" | "required" as mode}:
                self._allow(choice.get("tools"))
                self.choice = "required" if mode == "required" else None
            case _:
                raise refused("this choice", "tool_choice")
        if self.choice == "required" and not self.functions:
            raise BodyInvalid("tool_choice demands a call, and no tool is left to call.", "tool_choice")

    def _allow(self, tools: object) -> None:
        """Only these go upstream: most providers know no list of allowed ones."""
        listed = list(objects_at(tools, "tool_choice.tools"))
        allowed = {self._named(one, where) for one, where in listed if one.get("type") in ("function", "custom")}
        self.functions = [one for one in self.functions if one["function"]["name"] in allowed]

    def _named(self, choice: Mapping[str, Any], where: str) -> str:
        name = text_at(choice.get("name"), f"{where}.name")
        there = self.there(name, choice.get("namespace"))
        if there not in self._tools:
            raise BodyInvalid(f"{where} names {name[:80]!r}, which is not among the tools.", "tool_choice")
        return there


def input_of(arguments: str) -> str:
    """The free text in the arguments of a custom tool's function; a model that wrote it without them is understood."""
    found = (object_decode(arguments.encode(errors="replace")) or {}).get("input")
    return found if isinstance(found, str) else arguments


def arguments_of_input(text: str) -> str:
    """The arguments that hold a free text."""
    return msgspec.json.encode({"input": text}).decode()


def _grammar(form: object) -> str | None:
    if not isinstance(form, dict) or form.get("type") != "grammar":
        return None
    return f"The input follows this {form.get('syntax')} grammar:\n{form.get('definition')}"


def _parallel(members: Mapping[str, msgspec.Raw]) -> bool:
    return boolean_read(members, "parallel_tool_calls")
