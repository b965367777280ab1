"""Row 3: how long a model may think, and how freely it samples, in Anthropic's words."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.convert.fields import Drops
from gateway.convert.models import BUDGET_OF_EFFORT, EFFORTS, AnthropicModel, effort_within
from gateway.convert.shapes import count_of, object_at, value_of
from gateway.wire.body import BodyInvalid

BUDGET_TOKENS_MIN: Final = 1024
_LIGHTEST: Final = {"minimal": "low", "none": None}


def thinking_of(
    members: Mapping[str, msgspec.Raw], model: AnthropicModel, drops: Drops, *, max_tokens: int, barred: bool
) -> dict[str, Any]:
    """`thinking` and `output_config`. `barred`: this turn cannot have thoughts, whatever was asked for."""
    name, effort, budget = _wanted(members)
    if effort is None and budget is None:
        return {}
    if barred or not model.thinks:
        drops.add(name)
        return {}
    if model.adaptive and effort is not None:
        taken = effort_within(effort, model.efforts)
        return {"thinking": {"type": "adaptive"}, "output_config": {"effort": taken}}
    budget = budget or BUDGET_OF_EFFORT[effort or "medium"]
    # Thinking counts into the maximum: it may take half of it, so that an answer fits too.
    budget = min(max(budget, BUDGET_TOKENS_MIN), max_tokens // 2)
    if budget < BUDGET_TOKENS_MIN:
        drops.add(name)
        return {}
    if model.adaptive:
        return {"thinking": {"type": "adaptive"}}
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


def sampling_of(
    members: Mapping[str, msgspec.Raw], model: AnthropicModel, drops: Drops, *, thinks: bool
) -> dict[str, Any]:
    """Temperature, top_p and top_k as far as the model takes them."""
    given = {name: _number(members, name) for name in _SAMPLING if value_of(members, name) is not None}
    refused = set(given) if thinks or not model.sampling else set()
    if "temperature" in given:
        given["temperature"] = min(given["temperature"], 1)
        if not model.both_sampling:
            refused |= {"top_p"} & set(given)
    for name in _SAMPLING:
        if name in refused:
            del given[name]
            drops.add(name)
    return given


def _wanted(members: Mapping[str, msgspec.Raw]) -> tuple[str, str | None, int | None]:
    """(the field that said it, effort, budget in tokens); neither: no thinking."""
    for name in ("reasoning_effort", "reasoning", "thinking"):
        value = value_of(members, name)
        if value is None:
            continue
        if name == "reasoning_effort":
            return name, _effort(value, name), None
        asked = object_at(value, name)
        if asked.get("enabled") is False or asked.get("type") == "disabled":
            return name, None, None
        budget = count_of(asked.get("max_tokens")) or count_of(asked.get("budget_tokens"))
        if asked.get("effort") is not None:
            return name, _effort(asked["effort"], name), None
        if budget or asked.get("enabled") is True or asked.get("type") in ("enabled", "adaptive"):
            return name, None if budget else "medium", budget
    return "", None, None


def _effort(value: object, name: str) -> str | None:
    if not isinstance(value, str) or (value not in EFFORTS and value not in _LIGHTEST):
        raise BodyInvalid(f"{name} must be one of none, minimal, {', '.join(BUDGET_OF_EFFORT)}.", name)
    return _LIGHTEST.get(value, value)


def _number(members: Mapping[str, msgspec.Raw], name: str) -> int | float:
    value = value_of(members, name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise BodyInvalid(f"{name} must be a number.", name)
    return value


_SAMPLING: Final = ("temperature", "top_p", "top_k")
