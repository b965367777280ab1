"""JSON bodies by their top-level members: what the gateway does not own stays as it came, byte for byte. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

MEMBERS_MAX: Final = 1_000

_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:]', re.DOTALL)
_SPACE: Final = b" \t\r\n"


class BodyInvalid(Exception):
    """A body that cannot be served: 400. `param` names the field, if it is one field's fault."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class _Named(msgspec.Struct):
    model: msgspec.Raw = msgspec.Raw()


_MODEL: Final = msgspec.json.Decoder(_Named)


def members_decode(body: bytes) -> dict[str, msgspec.Raw]:
    """The members of a JSON object, each value as it came; the last one wins where a name comes twice."""
    if not body:
        raise BodyInvalid("The body is empty; send a JSON object.")
    if not body.isascii():
        try:  # Skipped values are not checked by the decoder.
            body.decode()
        except UnicodeDecodeError as error:
            raise BodyInvalid(f"The body is not UTF-8 (byte {error.start}).") from None
    try:
        members = _MEMBERS.decode(body)
    except msgspec.ValidationError:
        raise BodyInvalid("The body must be a JSON object.") from None
    except msgspec.DecodeError as error:
        raise BodyInvalid(f"The body is not JSON: {error}.") from None
    except RecursionError:
        raise BodyInvalid("The body is nested too deeply.") from None
    if len(members) > MEMBERS_MAX:
        raise BodyInvalid(f"The body has more than {MEMBERS_MAX} members.")
    return members


def members_encode(members: Mapping[str, msgspec.Raw]) -> bytes:
    """One JSON object of these members, each value as it is."""
    return msgspec.json.encode(members)


def value_decode(raw: msgspec.Raw | bytes) -> Any:
    """A member's value as Python objects; `BodyInvalid` where it is nested too deeply or out of range."""
    try:
        return msgspec.json.decode(raw)
    except RecursionError:
        raise BodyInvalid("The body is nested too deeply.") from None
    except msgspec.DecodeError as error:
        raise BodyInvalid(f"The body is not JSON: {error}.") from None


def model_replace(body: bytes, public_id: str, *, nested: str | None = None) -> bytes:
    """`body` with another value of its `model` (of `nested`'s `model`), every other byte as it was.

    The body itself comes back when there is no such member, or when it is no JSON object.
    """
    found = _model_find(body, nested=nested)
    value = msgspec.json.encode(public_id)
    if found is None or found == value:
        return body
    key_at = body.find(b'"model"')
    if key_at >= 0 and body.find(b'"model"', key_at + 7) < 0:
        at = body.find(found, key_at + 7)
        replaced = body[:at] + value + body[at + len(found) :]
        # The one literal `"model"` may be deeper down while the member is written with escapes.
        if _model_find(replaced, nested=nested) == value:
            return replaced
    return _replace_scanning(body, value, path=(nested, "model") if nested else ("model",))


def _model_find(body: bytes, *, nested: str | None) -> bytes | None:
    inside: msgspec.Raw | bytes = body
    try:
        if nested is not None:
            inside = _MEMBERS.decode(body)[nested]
        return bytes(_MODEL.decode(inside).model) or None
    except (msgspec.DecodeError, RecursionError, KeyError):
        return None


def _replace_scanning(body: bytes, value: bytes, *, path: tuple[str, ...]) -> bytes:
    start, end = 0, len(body)
    for name in path:
        start, end = _member_span(body, name, start, end)
    return body[:start] + value + body[end:]


def _member_span(body: bytes, name: str, start: int, end: int) -> tuple[int, int]:
    """Where the value of the last member called `name` lies in the valid JSON object at `body[start:end]`."""
    depth, key, span, value_from = 0, b"", (start, start), -1
    for token in _TOKEN.finditer(body, start, end):
        text = token[0]
        if depth == 1 and value_from < 0 and text == b":":
            value_from = token.end()
        elif depth == 1 and text in b",}":
            if value_from >= 0 and msgspec.json.decode(key) == name:
                span = _trimmed(body, value_from, token.start())
            value_from = -1
        elif depth == 1 and value_from < 0 and text[0] == 0x22:
            key = text
        depth += (text in b"[{") - (text in b"]}")
    return span


def _trimmed(body: bytes, start: int, end: int) -> tuple[int, int]:
    while body[start] in _SPACE:
        start += 1
    while body[end - 1] in _SPACE:
        end -= 1
    return start, end
