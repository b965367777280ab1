"""Row 2: Anthropic's tools, tool choice and structured output in OpenAI's words."""

from typing import Any

from gateway.convert.fields import Drops
from gateway.convert.names import ToolNames
from gateway.convert.schemas import schema_of_tool, strict_ready
from gateway.convert.shapes import object_at, objects_at, text_at
from gateway.wire.body import BodyInvalid


def tools_of(value: object, names: ToolNames, drops: Drops) -> list[dict[str, Any]]:
    """Functions. A tool that the provider runs, or whose parameters only it knows, is refused."""
    tools = []
    for tool, where in objects_at(value, "tools"):
        kind = tool.get("type")
        if kind not in (None, "custom"):
            raise BodyInvalid(f"Tools of type {str(kind)[:80]!r} cannot be carried to this model.", "tools")
        function: dict[str, Any] = {"name": names.there(text_at(tool.get("name"), f"{where}.name"))}
        if isinstance(tool.get("description"), str):
            function["description"] = tool["description"]
        function["parameters"] = schema_of_tool(tool.get("input_schema"))
        if tool.get("strict") is True and strict_ready(function["parameters"]):
            function["strict"] = True
        elif tool.get("strict") is True:
            drops.add("tools.strict")
        for name in ("cache_control", "input_examples"):
            if tool.get(name):
                drops.add(f"tools.{name}")
        tools.append({"type": "function", "function": function})
    return tools


def tool_choice_of(value: object, names: ToolNames) -> dict[str, Any]:
    """The members that say which tools to call and how many at once."""
    if value is None:
        return {}
    choice = object_at(value, "tool_choice")
    members: dict[str, Any] = {}
    match choice.get("type"):
        case "auto" | "none" as same:
            members["tool_choice"] = same
        case "any":
            members["tool_choice"] = "required"
        case "tool":
            name = names.there(text_at(choice.get("name"), "tool_choice.name"))
            members["tool_choice"] = {"type": "function", "function": {"name": name}}
        case _:
            raise BodyInvalid("tool_choice.type must be auto, any, tool or none.", "tool_choice")
    if choice.get("disable_parallel_tool_use") is True and choice["type"] != "none":
        members["parallel_tool_calls"] = False
    return members


def response_format_of(value: object, where: str) -> dict[str, Any]:
    """`response_format` for a structured output."""
    if value is None:
        return {}
    form = object_at(value, where)
    if form.get("type") != "json_schema":
        raise BodyInvalid(f"{where}.type must be json_schema.", where)
    schema = object_at(form.get("schema"), f"{where}.schema")
    described = {"name": "answer", "schema": schema, "strict": strict_ready(schema)}
    return {"response_format": {"type": "json_schema", "json_schema": described}}
