"""Row 3: the request of an OpenAI client for an Anthropic upstream."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from gateway.convert.conversion import Asked
from gateway.convert.fields import Drops, fields_check
from gateway.convert.models import AnthropicModel, anthropic_model
from gateway.convert.names import ToolNames, user_of
from gateway.convert.openai_anthropic.fields import FIELDS
from gateway.convert.openai_anthropic.messages import Conversation
from gateway.convert.openai_anthropic.thinking import sampling_of, thinking_of
from gateway.convert.openai_anthropic.tools import Toolbox, toolbox_of
from gateway.convert.schemas import schema_closed, schema_of_tool
from gateway.convert.shapes import object_at, text_at, value_of
from gateway.wire.body import BodyInvalid
from gateway.wire.request import boolean_read, count_read

ANSWER_TOOL: Final = "structured_answer"
_JSON_ALONE: Final = "Answer with one JSON object and nothing else."


@dataclass(frozen=True, slots=True)
class WayBack:
    """What the answer needs to know of its request."""

    names: ToolNames
    legacy: bool  # functions, not tools
    answer_tool: str | None  # the call that is the answer itself


@dataclass(frozen=True, slots=True)
class Plan:
    """A request ready to go."""

    body: bytes
    dropped: tuple[str, ...]
    way_back: WayBack


def request_convert(asked: Asked) -> Plan:
    """The whole request; `BodyInvalid` names the field that cannot be carried."""
    members, names, drops = asked.members, ToolNames(), Drops()
    fields_check(members, FIELDS, drops)
    if (count_read(members, "n") or 1) > 1:
        raise BodyInvalid("n must be 1 for this model.", "n")
    model = anthropic_model(asked.upstream_model)
    conversation = Conversation(names, drops, asked.public_id)
    conversation.read(value_of(members, "messages"))
    toolbox = toolbox_of(members, names, drops, structured=model.structured)
    toolbox, config, answer_tool = _structured(members, model, toolbox, conversation)
    max_tokens = _max_tokens(asked)
    sent: dict[str, Any] = {
        "model": asked.upstream_model,
        "max_tokens": max_tokens,
        "messages": conversation.turns,
        **_system(conversation.system),
        **({"stream": True} if boolean_read(members, "stream") else {}),
        **_stop(members),
        **({"tools": toolbox.tools} if toolbox.tools else {}),
        **({"tool_choice": toolbox.choice} if toolbox.choice else {}),
        **_user(members),
    }
    barred = toolbox.forced or conversation.prefilled or (not model.adaptive and conversation.loop_without_thoughts)
    thinking = thinking_of(members, model, drops, max_tokens=max_tokens, barred=barred)
    sent |= sampling_of(members, model, drops, thinks="thinking" in thinking)
    sent |= thinking
    if config := {**thinking.get("output_config", {}), **config}:
        sent["output_config"] = config
    return Plan(msgspec.json.encode(sent), drops.names, WayBack(names, toolbox.legacy, answer_tool))


def _max_tokens(asked: Asked) -> int:
    given = count_read(asked.members, "max_completion_tokens") or count_read(asked.members, "max_tokens")
    if given is None:
        return asked.max_output_default
    return min(given, asked.max_output_tokens or given)


def _system(texts: list[dict[str, Any]]) -> dict[str, Any]:
    """One text, unless a part of it says how it is to be cached."""
    if any("cache_control" in one for one in texts):
        return {"system": texts}
    return {"system": "\n".join(one["text"] for one in texts)} if texts else {}


def _stop(members: Mapping[str, msgspec.Raw]) -> dict[str, Any]:
    given = value_of(members, "stop")
    stops = [text_at(one, "stop") for one in (given if isinstance(given, list) else [given]) if one is not None]
    kept = [one for one in stops if one.strip()]
    return {"stop_sequences": kept} if kept else {}


def _user(members: Mapping[str, msgspec.Raw]) -> dict[str, Any]:
    user = value_of(members, "user") or value_of(members, "safety_identifier")
    return {"metadata": {"user_id": user_of(user)}} if isinstance(user, str) else {}


def _structured(
    members: Mapping[str, msgspec.Raw], model: AnthropicModel, toolbox: Toolbox, conversation: Conversation
) -> tuple[Toolbox, dict[str, Any], str | None]:
    """A structured answer: (tools, `output_config`, the tool whose input is the answer)."""
    form = object_at(value_of(members, "response_format") or {"type": "text"}, "response_format")
    match form.get("type"):
        case "text":
            return toolbox, {}, None
        case "json_object":
            conversation.system.append({"type": "text", "text": _JSON_ALONE})
            return toolbox, {}, None
        case "json_schema":
            described = object_at(form.get("json_schema"), "response_format.json_schema")
            schema = object_at(described.get("schema", {}), "response_format.json_schema.schema")
        case _:
            raise BodyInvalid("response_format.type must be text, json_object or json_schema.", "response_format")
    if model.structured or toolbox.tools:
        schema = schema_closed(schema)
        return toolbox, {"format": {"type": "json_schema", "schema": schema}}, None
    tool = {"name": ANSWER_TOOL, "description": "Give the answer.", "input_schema": schema_of_tool(schema)}
    return Toolbox([tool], {"type": "tool", "name": ANSWER_TOOL}, legacy=False), {}, ANSWER_TOOL
