"""Responses: the words of a request for what the converters behind it call by the words of Chat Completions."""

from collections.abc import Iterable

from gateway.wire.body import BodyInvalid

_NAMES = {
    "messages": "input",
    "reasoning_effort": "reasoning.effort",
    "response_format": "text.format",
    "max_tokens": "max_output_tokens",
    "messages.reasoning": "input.reasoning",
}


def names_of_responses(names: Iterable[str]) -> tuple[str, ...]:
    """Fields by the client's own names, each once."""
    return tuple(dict.fromkeys(_NAMES.get(name, name) for name in names))


def refusal_of_responses(invalid: BodyInvalid) -> BodyInvalid:
    """The same refusal, of the client's own field: places inside a conversation are not the same in both."""
    param = invalid.param or ""
    top = param.split("[")[0].split(".")[0]
    return BodyInvalid(
        invalid.message.replace(param, _NAMES.get(top, top)) if param else invalid.message, _NAMES.get(top, top) or None
    )
