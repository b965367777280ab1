"""Responses: thoughts that a client keeps for us between turns, in the `encrypted_content` of reasoning items. Pure."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.wire.stream import items, object_decode

# Opaque, not secret: the client has read every word of it.
_OURS: Final = "to1."


def thought_seal(text: str, details: list[dict[str, Any]]) -> str:
    """Signed details where the model gave some, else its words."""
    kept = {"details": details} if details else {"text": text}
    return _OURS + urlsafe_b64encode(msgspec.json.encode(kept)).decode()


def thought_open(item: Mapping[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """(its words, its details) of a reasoning item; what another platform sealed says nothing."""
    sealed = item.get("encrypted_content")
    if isinstance(sealed, str) and sealed.startswith(_OURS):
        try:
            kept = object_decode(urlsafe_b64decode(sealed.removeprefix(_OURS))) or {}
        except (Error, ValueError):
            kept = {}
        details = items(kept.get("details"))
        told = [kept.get("text"), *(one.get("text") for one in details)]
        return "".join(one for one in told if isinstance(one, str)), details
    told = [part.get("text") for part in items(item.get("content"))]
    return "".join(one for one in told if isinstance(one, str)), []
