"""Responses: a request as the members of Chat Completions, which the converter of the route's protocol takes on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from catalog.snapshot import Protocol
from gateway.convert.conversion import Asked
from gateway.convert.fields import Drops, fields_check
from gateway.convert.models import EFFORTS, OpenAIModel, effort_within, openai_model
from gateway.convert.names import user_of
from gateway.convert.responses.fields import FIELDS
from gateway.convert.responses.items import Conversation
from gateway.convert.responses.tools import Toolbox
from gateway.convert.shapes import list_at, object_at, text_at, value_of
from gateway.wire.body import BodyInvalid
from gateway.wire.request import boolean_read

SEALED_THOUGHTS: Final = "reasoning.encrypted_content"
_LIGHTEST: Final = {"none": None, "minimal": "low"}


@dataclass(frozen=True, slots=True)
class Plan:
    """A request in the words of Chat Completions, and what its answer needs to know of it."""

    members: dict[str, msgspec.Raw]
    dropped: tuple[str, ...]
    toolbox: Toolbox
    summarized: bool  # thoughts are told as a summary
    sealed: bool  # and kept by the client for the next turn


def request_plan(asked: Asked, upstream: Protocol) -> Plan:
    """The whole request; `BodyInvalid` names the field that cannot be carried."""
    members, drops = asked.members, Drops()
    fields_check(members, FIELDS, drops)
    model = openai_model(asked.upstream_model, asked.capabilities)
    toolbox = Toolbox(members, drops)
    sent: dict[str, Any] = {
        "model": asked.public_id,
        "messages": _messages(members, toolbox, drops, upstream=upstream, reasoning_back=model.reasoning_back),
    }
    if boolean_read(members, "stream"):
        sent["stream"] = True
    if (maximum := value_of(members, "max_output_tokens")) is not None:
        sent[model.maximum if upstream == "openai_chat" else "max_tokens"] = maximum
    if toolbox.functions:
        sent["tools"] = toolbox.functions
        sent |= {"tool_choice": toolbox.choice} if toolbox.choice else {}
        sent |= {"parallel_tool_calls": False} if toolbox.serial else {}
    sent |= _sampling(members, model, drops, upstream)
    reasoning = object_at(value_of(members, "reasoning") or {}, "reasoning")
    sent |= _effort(reasoning.get("effort"), model, drops, upstream)
    sent |= _text(members, model, drops, upstream)
    sent |= _cache_key(members, model, drops, upstream)
    sent |= _user(members)
    _tier_and_truncation(members, drops)
    include = list_at(value_of(members, "include") or [], "include")
    for one in include:
        if one != SEALED_THOUGHTS:
            drops.add(f"include.{one}")
    summary = reasoning.get("summary") or reasoning.get("generate_summary")
    return Plan(
        members={name: msgspec.Raw(msgspec.json.encode(value)) for name, value in sent.items()},
        dropped=drops.names,
        toolbox=toolbox,
        summarized=summary not in (None, "none"),
        sealed=SEALED_THOUGHTS in include,
    )


def _messages(
    members: Mapping[str, msgspec.Raw], toolbox: Toolbox, drops: Drops, *, upstream: Protocol, reasoning_back: bool
) -> list[dict[str, Any]]:
    conversation = Conversation(toolbox, drops, upstream=upstream, reasoning_back=reasoning_back)
    if (instructions := value_of(members, "instructions")) is not None:
        conversation.instruct(text_at(instructions, "instructions"))
    conversation.read(value_of(members, "input"))
    return conversation.messages


def _sampling(
    members: Mapping[str, msgspec.Raw], model: OpenAIModel, drops: Drops, upstream: Protocol
) -> dict[str, Any]:
    """Of models that speak the other protocol its own converter knows what they take."""
    given = {name: members[name] for name in ("temperature", "top_p") if value_of(members, name) is not None}
    if model.sampling or upstream != "openai_chat":
        return given
    for name in given:
        drops.add(name)
    return {}


def _effort(effort: object, model: OpenAIModel, drops: Drops, upstream: Protocol) -> dict[str, Any]:
    if effort is None:
        return {}
    if not isinstance(effort, str) or (effort not in EFFORTS and effort not in _LIGHTEST):
        raise BodyInvalid(f"reasoning.effort {str(effort)[:40]!r} is not known.", "reasoning.effort")
    if upstream != "openai_chat":
        return {"reasoning_effort": effort}
    wanted = _LIGHTEST.get(effort, effort)
    taken = None if wanted is None else effort_within(wanted, model.efforts)
    if taken is None:
        drops.add("reasoning.effort")
        return {}
    return {"reasoning_effort": taken}


def _text(members: Mapping[str, msgspec.Raw], model: OpenAIModel, drops: Drops, upstream: Protocol) -> dict[str, Any]:
    """The form of the answer, and its length where the model knows such a word."""
    text = object_at(value_of(members, "text") or {}, "text")
    sent: dict[str, Any] = {}
    form = object_at(text.get("format") or {"type": "text"}, "text.format")
    match form.get("type"):
        case "text":
            pass
        case "json_object":
            sent["response_format"] = {"type": "json_object"}
        case "json_schema":
            described = {name: form[name] for name in _SCHEMA if form.get(name) is not None}
            sent["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", **described}}
        case _:
            raise BodyInvalid("text.format.type must be text, json_object or json_schema.", "text.format")
    if text.get("verbosity") is not None:
        if _is_openai(model, upstream):
            sent["verbosity"] = text["verbosity"]
        elif text["verbosity"] != "medium":
            drops.add("text.verbosity")
    return sent


def _cache_key(
    members: Mapping[str, msgspec.Raw], model: OpenAIModel, drops: Drops, upstream: Protocol
) -> dict[str, Any]:
    key = value_of(members, "prompt_cache_key")
    if key is None or _is_openai(model, upstream):
        return {} if key is None else {"prompt_cache_key": key}
    drops.add("prompt_cache_key")
    return {}


def _is_openai(model: OpenAIModel, upstream: Protocol) -> bool:
    """Whether it takes what OpenAI's own models of today take; others refuse words that they do not know."""
    return upstream == "openai_chat" and not model.sampling


def _user(members: Mapping[str, msgspec.Raw]) -> dict[str, Any]:
    user = value_of(members, "user") or value_of(members, "safety_identifier")
    return {"user": user_of(user)} if isinstance(user, str) else {}


def _tier_and_truncation(members: Mapping[str, msgspec.Raw], drops: Drops) -> None:
    if value_of(members, "service_tier") not in (None, "auto", "default"):
        drops.add("service_tier")
    if value_of(members, "truncation") not in (None, "disabled"):
        drops.add("truncation")


_SCHEMA: Final = ("name", "schema", "strict", "description")
