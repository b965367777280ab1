"""What the gateway reads of a request, whichever protocol it speaks. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from gateway.wire.body import BodyInvalid, value_decode

MODEL_CHARACTERS_MAX: Final = 256
OUTPUT_TOKENS_MAX: Final = 10_000_000  # Far above any model; the model's own maximum is the catalog's.


@dataclass(frozen=True, slots=True)
class Request:
    """A request as admission needs it. `prompt_text_bytes` leaves encoded media out; no prompt has more tokens than
    `prompt_tokens_bound` unless `prompt_tokens_bound` is None: then only the model's context bounds it."""

    model: str
    stream: bool
    max_output_tokens: int | None
    n: int
    include_usage: bool
    prompt_text_bytes: int
    prompt_tokens_bound: int | None
    prompts: int = 1  # how many the context bounds one by one


class _Message(msgspec.Struct):
    role: str


class _Tool(msgspec.Struct):
    type: Any = None


_TOOLS: Final = msgspec.json.Decoder(list[_Tool])
_MESSAGES: Final = msgspec.json.Decoder(list[_Message])
_NULL: Final = b"null"


def member(members: Mapping[str, msgspec.Raw], name: str) -> bytes | None:
    """A member's JSON text; None where it is missing or null."""
    raw = members.get(name)
    text = bytes(raw) if raw is not None else _NULL
    return None if text == _NULL else text


def model_read(members: Mapping[str, msgspec.Raw]) -> str:
    """`model`, a name of some characters."""
    text = member(members, "model")
    if text is None:
        raise BodyInvalid("model is missing.", "model")
    model = value_decode(text) if text[0] == 0x22 else None
    if not isinstance(model, str):
        raise BodyInvalid("model must be a string.", "model")
    if not model.strip() or len(model) > MODEL_CHARACTERS_MAX or not model.isprintable():
        raise BodyInvalid("model is not a model ID.", "model")
    return model


def messages_check(members: Mapping[str, msgspec.Raw]) -> None:
    """`messages`, a list of at least one object with a role; what is in them is the upstream's to judge."""
    text = member(members, "messages")
    if text is None:
        raise BodyInvalid("messages is missing.", "messages")
    try:
        messages = _MESSAGES.decode(text)
    except msgspec.DecodeError:
        raise BodyInvalid("messages must be a list of objects with a role.", "messages") from None
    except RecursionError:
        raise BodyInvalid("messages is nested too deeply.", "messages") from None
    if not messages:
        raise BodyInvalid("messages must not be empty.", "messages")


def boolean_read(members: Mapping[str, msgspec.Raw], name: str) -> bool:
    """A switch; missing and null are off."""
    text = member(members, name)
    if text not in (None, b"true", b"false"):
        raise BodyInvalid(f"{name} must be true or false.", name)
    return text == b"true"


def count_read(members: Mapping[str, msgspec.Raw], name: str, *, most: int = OUTPUT_TOKENS_MAX) -> int | None:
    """A whole number from 1 to `most`; None where it is missing or null."""
    text = member(members, name)
    if text is None:
        return None
    if not text.isdigit() or len(text) > 20 or not 1 <= int(text) <= most:
        raise BodyInvalid(f"{name} must be a whole number from 1 to {most}.", name)
    return int(text)


def object_read(members: Mapping[str, msgspec.Raw], name: str) -> dict[str, msgspec.Raw]:
    """A member that is an object, by its own members; missing and null are empty."""
    text = member(members, name)
    if text is None:
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        raise BodyInvalid(f"{name} must be an object.", name) from None


def number(value: int) -> msgspec.Raw:
    """A whole number as a member."""
    return msgspec.Raw(str(value).encode())


def string(value: str) -> msgspec.Raw:
    """A string as a member."""
    return msgspec.Raw(msgspec.json.encode(value))


def tool_types(members: Mapping[str, msgspec.Raw]) -> list[object]:
    """The `type` of each of `tools`; None where it has none."""
    text = member(members, "tools")
    if text is None:
        return []
    try:
        return [tool.type for tool in _TOOLS.decode(text)]
    except (msgspec.DecodeError, RecursionError):
        raise BodyInvalid("tools must be a list of objects.", "tools") from None
