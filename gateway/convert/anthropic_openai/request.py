"""Row 2: the request of an Anthropic client for an OpenAI upstream."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from gateway.convert.anthropic_openai.fields import FIELDS
from gateway.convert.anthropic_openai.messages import Conversation
from gateway.convert.anthropic_openai.tools import response_format_of, tool_choice_of, tools_of
from gateway.convert.conversion import Asked
from gateway.convert.fields import Drops, fields_check
from gateway.convert.models import EFFORTS, OpenAIModel, effort_of_budget, effort_within, openai_model
from gateway.convert.names import ToolNames, user_of
from gateway.convert.shapes import count_of, list_at, object_at, text_at, value_of
from gateway.wire.body import BodyInvalid
from gateway.wire.request import boolean_read

STOPS_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """A request ready to go, and the names its answer will use."""

    body: bytes
    dropped: tuple[str, ...]
    names: ToolNames


def request_convert(asked: Asked) -> Plan:
    """The whole request; `BodyInvalid` names the field that cannot be carried."""
    members, names, drops = asked.members, ToolNames(), Drops()
    fields_check(members, FIELDS, drops)
    model = openai_model(asked.upstream_model, asked.capabilities)
    config = object_at(value_of(members, "output_config") or {}, "output_config")
    conversation = Conversation(names, drops, reasoning_back=model.reasoning_back)
    if (system := value_of(members, "system")) is not None:
        conversation.system(system, "system")
    conversation.turns(value_of(members, "messages"))
    sent: dict[str, Any] = {"model": asked.upstream_model, "messages": conversation.messages}
    sent[model.maximum] = asked.max_output_tokens or value_of(members, "max_tokens")
    if boolean_read(members, "stream"):
        sent |= {"stream": True, "stream_options": {"include_usage": True}}
    sent |= _sampling(members, model, drops)
    sent |= _stop(members)
    if tools := tools_of(value_of(members, "tools"), names, drops):
        sent["tools"] = tools
        sent |= tool_choice_of(value_of(members, "tool_choice"), names)
    sent |= _effort(value_of(members, "thinking"), config, model, drops)
    sent |= response_format_of(config.get("format"), "output_config.format")
    sent |= response_format_of(value_of(members, "output_format"), "output_format")
    sent |= _user(members, drops)
    return Plan(msgspec.json.encode(sent), drops.names, names)


def _sampling(members: Mapping[str, msgspec.Raw], model: OpenAIModel, drops: Drops) -> dict[str, Any]:
    given = {name: members[name] for name in _SAMPLING if value_of(members, name) is not None}
    if model.sampling:
        return given
    for name in given:
        drops.add(name)
    return {}


def _stop(members: Mapping[str, msgspec.Raw]) -> dict[str, Any]:
    given = list_at(value_of(members, "stop_sequences") or [], "stop_sequences")
    stops = [one for one in given if text_at(one, "stop_sequences")]
    if len(stops) > STOPS_MAX:
        raise BodyInvalid(f"stop_sequences: this model takes at most {STOPS_MAX}.", "stop_sequences")
    return {"stop": stops} if stops else {}


def _effort(thinking: object, config: Mapping[str, Any], model: OpenAIModel, drops: Drops) -> dict[str, Any]:
    """An effort that was named counts before the budget; thinking alone means what Anthropic means by it."""
    wanted, name = config.get("effort"), "output_config.effort"
    if wanted is not None and wanted not in EFFORTS:
        raise BodyInvalid(f"output_config.effort must be one of {', '.join(sorted(EFFORTS))}.", "output_config")
    thought = object_at(thinking or {}, "thinking")
    if thought.get("type") == "disabled":
        return {}
    if wanted is None and thought:
        name = "thinking"
        budget = count_of(thought.get("budget_tokens"))
        wanted = "high" if budget is None else effort_of_budget(budget)
    if wanted is None:
        return {}
    effort = effort_within(wanted, model.efforts)
    if effort is None:
        drops.add(name)
        return {}
    return {"reasoning_effort": effort}


def _user(members: Mapping[str, msgspec.Raw], drops: Drops) -> dict[str, Any]:
    metadata = object_at(value_of(members, "metadata") or {}, "metadata")
    for name in metadata:
        if name != "user_id":
            drops.add(f"metadata.{name}")
    user = metadata.get("user_id")
    return {"user": user_of(user)} if isinstance(user, str) and user else {}


_SAMPLING: Final = ("temperature", "top_p")
