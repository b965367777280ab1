"""OpenAI Responses: what the gateway reads of a request; its answers are made of those of other protocols. Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from gateway.wire.body import BodyInvalid, value_decode
from gateway.wire.media import DOCUMENT_TOKENS_MAX, IMAGE_TOKENS_MAX, TEMPLATE_TOKENS_MAX, TOOLS_TOKENS_MAX
from gateway.wire.request import Request, boolean_read, count_read, member, model_read, tool_types

_ITEMS: Final = msgspec.json.Decoder(str | list[dict[str, msgspec.Raw]])
# These never become part of a prompt.
_ASIDE: Final = frozenset(("model", "client_metadata", "metadata", "include", "prompt_cache_key", "stream", "store"))
_TOKENS_MAX: Final = {"input_image": IMAGE_TOKENS_MAX, "input_file": DOCUMENT_TOKENS_MAX}
# A letter written as an escape could hide a type, so that too is looked at closely.
_HINT: Final = re.compile(rb'"(?:' + "|".join(_TOKENS_MAX).encode() + rb')"|\\u00[2-7]')


def request_read(members: Mapping[str, msgspec.Raw]) -> Request:
    """Everything admission asks; `BodyInvalid` names the field that is wrong."""
    model, stream = model_read(members), boolean_read(members, "stream")
    _input_check(members)
    text_bytes = sum(len(memoryview(raw)) for name, raw in members.items() if name not in _ASIDE)
    types = tool_types(members)
    tokens_max = TEMPLATE_TOKENS_MAX
    if types:
        tokens_max += TOOLS_TOKENS_MAX * (1 + sum(kind != "function" for kind in types))
    for part in _media_of(members):
        text_bytes -= sum(len(one) for one in map(part.get, _ENCODED) if isinstance(one, str) and _is_data(one, part))
        tokens_max += _TOKENS_MAX[part["type"]]
    return Request(
        model=model,
        stream=stream,
        max_output_tokens=count_read(members, "max_output_tokens"),
        n=1,
        include_usage=True,
        prompt_text_bytes=text_bytes,
        prompt_tokens_bound=tokens_max + text_bytes,
    )


_ENCODED: Final = ("image_url", "file_data")


def _input_check(members: Mapping[str, msgspec.Raw]) -> None:
    text = member(members, "input")
    if text is None:
        raise BodyInvalid("input is missing.", "input")
    try:
        given = _ITEMS.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise BodyInvalid("input must be a string or a list of items.", "input") from None
    if not given:
        raise BodyInvalid("input must not be empty.", "input")


def _media_of(members: Mapping[str, msgspec.Raw]) -> Iterator[dict[str, Any]]:
    """Images and files in messages and in the results of tools."""
    raw = members["input"]
    items = value_decode(raw) if _HINT.search(raw) else ()
    for item in items if isinstance(items, list) else ():
        for parts in (item.get("content"), item.get("output")):
            for part in parts if isinstance(parts, list) else ():
                if isinstance(part, dict) and isinstance(part.get("type"), str) and part["type"] in _TOKENS_MAX:
                    yield part


def _is_data(value: str, part: Mapping[str, Any]) -> bool:
    return value.startswith("data:") or (part["type"] == "input_file" and value is part.get("file_data"))
