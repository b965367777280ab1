"""Row 3: OpenAI's tools, legacy functions and tool choice in Anthropic's words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.convert.fields import Drops
from gateway.convert.names import ToolNames
from gateway.convert.schemas import schema_of_tool
from gateway.convert.shapes import object_at, objects_at, refused, text_at, value_of
from gateway.wire.body import BodyInvalid
from gateway.wire.request import boolean_read, member


@dataclass(frozen=True, slots=True)
class Toolbox:
    """`tools` and `tool_choice` as they go upstream; `legacy`: the client knows functions alone."""

    tools: list[dict[str, Any]]
    choice: dict[str, Any] | None
    legacy: bool

    @property
    def forced(self) -> bool:
        """Whether the model must call: then it cannot think."""
        return self.choice is not None and self.choice["type"] in ("any", "tool")


def toolbox_of(members: Mapping[str, msgspec.Raw], names: ToolNames, drops: Drops, *, structured: bool) -> Toolbox:
    """All that a request says about tools."""
    legacy = member(members, "functions") is not None and member(members, "tools") is None
    choice = value_of(members, "function_call" if legacy else "tool_choice")
    tools, allowed, choice = [], *_allowed(choice)
    for function, where in _functions(members, legacy=legacy):
        tool = _tool(function, where, names)
        if allowed is not None and tool["name"] not in {names.there(name) for name in allowed}:
            continue
        if function.get("strict") is True:
            tool |= {"strict": True} if structured else {}
            if not structured:
                drops.add("tools.strict")
        tools.append(tool)
    if not tools:
        return Toolbox([], None, legacy)
    chosen = _choice(choice, names, "function_call" if legacy else "tool_choice")
    serial = legacy or (member(members, "parallel_tool_calls") is not None and not _parallel(members))
    if serial and (chosen is None or chosen["type"] != "none"):
        chosen = {**(chosen or {"type": "auto"}), "disable_parallel_tool_use": True}
    return Toolbox(tools, chosen, legacy)


def _functions(members: Mapping[str, msgspec.Raw], *, legacy: bool) -> Iterator[tuple[dict[str, Any], str]]:
    if legacy:
        yield from objects_at(value_of(members, "functions"), "functions")
        return
    for tool, where in objects_at(value_of(members, "tools"), "tools"):
        if tool.get("type", "function") not in ("function", None):
            raise refused(f"a tool of type {str(tool.get('type'))[:40]!r}", where)
        function = object_at(tool.get("function"), f"{where}.function")
        control = tool.get("cache_control") or function.get("cache_control")
        yield {**function, "cache_control": control}, f"{where}.function"


def _tool(function: Mapping[str, Any], where: str, names: ToolNames) -> dict[str, Any]:
    tool: dict[str, Any] = {"name": names.there(text_at(function.get("name"), f"{where}.name"))}
    if isinstance(function.get("description"), str) and function["description"]:
        tool["description"] = function["description"]
    tool["input_schema"] = schema_of_tool(function.get("parameters"))
    if isinstance(function.get("cache_control"), dict):
        tool["cache_control"] = function["cache_control"]
    return tool


def _allowed(choice: Any) -> tuple[set[str] | None, Any]:
    """The tools that alone may be called, and the choice among them."""
    if not isinstance(choice, dict) or choice.get("type") != "allowed_tools":
        return None, choice
    inner = object_at(choice.get("allowed_tools"), "tool_choice.allowed_tools")
    allowed = {
        text_at(object_at(tool.get("function"), where).get("name"), f"{where}.function.name")
        for tool, where in objects_at(inner.get("tools"), "tool_choice.allowed_tools.tools")
    }
    return allowed, inner.get("mode", "auto")


def _choice(choice: Any, names: ToolNames, field: str) -> dict[str, Any] | None:
    match choice:
        case None:
            return None
        case "auto" | "none":
            return {"type": choice}
        case "required" | "any":
            return {"type": "any"}
        case {"type": "function", "function": {"name": str(name)}} | {"name": str(name)}:
            return {"type": "tool", "name": names.there(name)}
        case _:
            raise BodyInvalid(f"{field} is not known.", field)


def _parallel(members: Mapping[str, msgspec.Raw]) -> bool:
    return boolean_read(members, "parallel_tool_calls")
