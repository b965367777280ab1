"""What an upstream's error body says to people, whatever its form; secrets never get through. Pure."""

import re
from collections.abc import Iterator
from email.message import Message
from html import unescape
from typing import Any, Final

import msgspec

MESSAGE_CHARACTERS_MAX: Final = 2000
DEPTH_MAX: Final = 8

# Anything that looks like a credential of ours, or like a URL with one in it, never reaches a customer.
_SECRETS: Final = re.compile(
    r"\b(?:sk|rk|pk|whsec)[-_][\w\-*.]{6,}|Bearer\s+\S+|https?://\S*[?&]\S*|https?://[^/\s@]+@\S*", re.IGNORECASE
)
# Where a sentence for people may be, the likeliest place first.
_MESSAGES: Final = ("message", "msg", "detail", "error", "errors", "error_description", "error_message", "title")
_HTML: Final = re.compile(r"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_TITLE: Final = re.compile(r"<(title|h1)\b[^>]*>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
_TAG: Final = re.compile(r"<[^>]*>")


def secret_free(text: str) -> str:
    """The text without what looks like a credential."""
    return _SECRETS.sub("[removed]", text)


def body_text(body: bytes, content_type: str | None) -> str:
    """The body as text: UTF-8, else what its mark or its header says, else Latin-1, which fits anything."""
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return body.decode("utf-16", "replace")
    for charset in ("utf-8-sig", _charset(content_type)):
        try:
            return body.decode(charset)
        except (ValueError, LookupError):
            continue  # Not so encoded, or no such encoding.
    return body.decode("latin-1")


def body_message(text: str) -> str | None:
    """The sentence for a person in an error's body: JSON of any shape, a page, or plain words."""
    decoded = json_decode(text)
    if (decoded is not None or text.strip() == "null") and not isinstance(decoded, str):
        return message_in(decoded)
    if _HTML.match(text):
        found = _TITLE.search(text)
        return _sentence(unescape(_TAG.sub(" ", found[2]))) if found else None
    return _sentence(decoded if isinstance(decoded, str) else text)


def message_in(value: object, depth: int = 0) -> str | None:
    """The first sentence in a decoded error; one that holds JSON of its own is opened."""
    if depth > DEPTH_MAX:
        return None
    match value:
        case str() as text:
            inner = json_decode(text) if text.lstrip()[:1] in ("{", "[") else None
            return (message_in(inner, depth + 1) if isinstance(inner, (dict, list)) else None) or _sentence(text)
        case list() as several:
            found = [text for text in (message_in(one, depth + 1) for one in several[:10]) if text]
            return _sentence("; ".join(found))
        case dict() as members:
            return next(_messages_of(members, depth + 1), None)
        case _:
            return None


def json_decode(text: str) -> Any:
    """The value; None where the text is no JSON."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _messages_of(members: dict[str, Any], depth: int) -> Iterator[str]:
    for name in _MESSAGES:
        text = message_in(members.get(name), depth)
        if text is None:
            continue
        where = members.get("loc")  # A list of what is wrong with which field, as FastAPI has it.
        if isinstance(where, list) and where:
            text = f"{'.'.join(str(part) for part in where)[:200]}: {text}"
        yield text


def _charset(content_type: str | None) -> str:
    header = Message()
    header["content-type"] = (content_type or "").replace("\r", " ").replace("\n", " ")
    return header.get_content_charset("latin-1")


def _sentence(text: str) -> str | None:
    """On one line, without what no terminal should see, and not endless."""
    words = " ".join(secret_free(text[: MESSAGE_CHARACTERS_MAX * 4]).split())
    printable = "".join(letter for letter in words if letter.isprintable())
    return printable[:MESSAGE_CHARACTERS_MAX].strip() or None
