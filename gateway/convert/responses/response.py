"""Responses: the object that an answer is, around its output."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from re import compile as pattern
from typing import Any, Final

from catalog.pricing import Usage
from gateway.convert.conversion import Asked
from gateway.wire.request import member

_PREFIX: Final = pattern(r"^(?:chatcmpl|resp|msg|gen|cmpl)[-_]")
_FOREIGN: Final = pattern(r"[^A-Za-z0-9_-]")
_ID_CHARACTERS_MAX: Final = 48
INCOMPLETE: Final[Mapping[str, str]] = {"length": "max_output_tokens", "content_filter": "content_filter"}


class Frame:
    """What all objects of one answer share; `name` is the part of its id that its items have too."""

    def __init__(self, asked: Asked, answer: Mapping[str, Any], data: bytes) -> None:
        self._asked = asked
        self.name = _name_of(answer, data)

    def item_id(self, kind: str, at: int) -> str:
        """The id of an item."""
        return f"{kind}_{self.name}_{at}"

    def response(
        self,
        status: str,
        output: Sequence[Mapping[str, Any]],
        *,
        usage: Usage | None = None,
        incomplete: str | None = None,
        error: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The response as it stands; what was asked for is repeated."""
        members = self._asked.members
        repeated = {name: members[name] for name in _REPEATED if member(members, name) is not None}
        return {
            "id": f"resp_{self.name}",
            "object": "response",
            "created_at": self._asked.created_seconds,
            "status": status,
            "background": False,
            "error": error,
            "incomplete_details": {"reason": incomplete} if incomplete else None,
            **_DEFAULTS,
            **repeated,
            "model": self._asked.public_id,
            "output": output,
            "previous_response_id": None,
            "store": False,
            "usage": usage_responses(usage) if usage else None,
        }


def usage_responses(usage: Usage) -> dict[str, Any]:
    """The usage object: cached tokens are part of the input, reasoning of the output."""
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.prompt_tokens + usage.output_tokens,
    }


def _name_of(answer: Mapping[str, Any], data: bytes) -> str:
    """The upstream's id in plain letters; where there is none, one made of the answer."""
    given = answer.get("id")
    name = _FOREIGN.sub("", _PREFIX.sub("", given)) if isinstance(given, str) else ""
    return name[:_ID_CHARACTERS_MAX] or sha256(data).hexdigest()[:32]


_DEFAULTS: Final[Mapping[str, Any]] = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}
_REPEATED: Final = tuple(name for name in _DEFAULTS if name not in ("max_tool_calls", "service_tier", "truncation"))
