"""What one event of a stream, or a whole answer, means to the relay and the meter. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from gateway.wire.body import BodyInvalid

_JSON: Final = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class Seen:
    """One event: `content` is output of the model (the commit point), `ended` the protocol's proper end.

    `closing`: the protocol's last word, whether the end is proper or not; an improper one is not relayed as an end.
    `usage` is the upstream's own usage object. `error` is an error inside a stream. `usage_only`: an OpenAI chunk that
    carries usage and nothing else. `malformed`: data that is no JSON object; relayed and counted, never the end of it.
    """

    content: bool = False
    ended: bool = False
    closing: bool = False
    error: Mapping[str, Any] | None = None
    usage: Mapping[str, Any] | None = None
    usage_only: bool = False
    output_bytes: int = 0
    malformed: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, as `Seen` is for an event."""

    content: bool
    error: Mapping[str, Any] | None
    usage: Mapping[str, Any] | None
    output_bytes: int


NOTHING: Final = Seen()
MALFORMED: Final = Seen(malformed=True)


def object_decode(data: bytes) -> dict[str, Any] | None:
    """A JSON object; None for anything else."""
    try:
        value = _JSON.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def answer_decode(body: bytes) -> dict[str, Any]:
    """A JSON object; `BodyInvalid` for anything else, such as a proxy's HTML page under status 200."""
    value = object_decode(body)
    if value is None:
        raise BodyInvalid("The upstream's answer is not a JSON object.")
    return value


def mapping(value: object) -> Mapping[str, Any] | None:
    """An object that says something; None for everything else."""
    return value if isinstance(value, dict) and value else None


def items(value: object) -> list[dict[str, Any]]:
    """The objects of a list; none where it is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def error_of(value: object) -> Mapping[str, Any] | None:
    """An error member in any of its forms, as an object; None where there is none."""
    if isinstance(value, dict):
        return value or {"message": ""}
    return {"message": str(value)} if value else None


def text_bytes(value: object) -> int:
    """UTF-8 bytes of the text in a piece of output, in whatever lists and objects it lies."""
    total, waiting = 0, [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                total += len(text) if text.isascii() else len(text.encode())
            case list() as parts:
                waiting += parts
            case dict() as part:
                waiting += [inner for name, inner in part.items() if name in _TEXT_MEMBERS]
    return total


_TEXT_MEMBERS: Final = frozenset(
    ("text", "thinking", "content", "partial_json", "arguments", "name", "function", "custom", "input", "refusal")
)
