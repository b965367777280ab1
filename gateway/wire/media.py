"""How large a prompt can be in tokens, from its bytes: encoded media counts by the piece, not by the byte. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from gateway.wire.body import value_decode

# The most that one piece costs at any provider we know of, whatever its size.
IMAGE_TOKENS_MAX: Final = 16_384
DOCUMENT_TOKENS_MAX: Final = 300_000  # 100 pages, each as text and as an image.
CLIP_TOKENS_MAX: Final = 300_000  # Audio and video.
TEMPLATE_TOKENS_MAX: Final = 256  # What a provider wraps around a prompt.
TOOLS_TOKENS_MAX: Final = 1_024  # Its instructions for tool use; once, and once for each tool of its own.

_TOKENS_MAX: Final[Mapping[str, int]] = {
    "image": IMAGE_TOKENS_MAX,
    "image_url": IMAGE_TOKENS_MAX,
    "document": DOCUMENT_TOKENS_MAX,
    "file": DOCUMENT_TOKENS_MAX,
    "container_upload": DOCUMENT_TOKENS_MAX,
    "input_audio": CLIP_TOKENS_MAX,
    "audio_url": CLIP_TOKENS_MAX,
    "video": CLIP_TOKENS_MAX,
    "video_url": CLIP_TOKENS_MAX,
}
# A letter written as an escape could hide a type, so that too is looked at closely.
_HINT: Final = re.compile(rb'"(?:' + "|".join(_TOKENS_MAX).encode() + rb')"|\\u00[2-7]')


@dataclass(frozen=True, slots=True)
class Measure:
    """`text_bytes` is the prompt without encoded media; `tokens_max` is what no tokenizer exceeds."""

    text_bytes: int
    tokens_max: int
    kinds: frozenset[str]  # of media


def prompt_measure(members: Mapping[str, msgspec.Raw], *, tool_types: list[object]) -> Measure:
    """Bytes first: byte-level tokenizers never make more tokens than bytes. All members count, whatever they are."""
    text_bytes = sum(len(memoryview(raw)) for raw in members.values())
    tokens_max = TEMPLATE_TOKENS_MAX
    if tool_types:
        tokens_max += TOOLS_TOKENS_MAX * (1 + sum(kind not in (None, "custom", "function") for kind in tool_types))
    kinds = set()
    for part in _media_of(members):
        kinds.add(part["type"])
        source_text_bytes, piece_tokens = _piece(part)
        text_bytes -= source_text_bytes
        tokens_max += piece_tokens
    return Measure(text_bytes, tokens_max + text_bytes, frozenset(kinds))


def _media_of(members: Mapping[str, msgspec.Raw]) -> Iterator[dict[str, Any]]:
    """Pieces of media in the places where a protocol takes them: never in a tool's own arguments."""
    messages = members["messages"]
    waiting: list[dict[str, Any]] = value_decode(messages) if _HINT.search(messages) else []
    while waiting:
        content = waiting.pop().get("content")
        for part in content if isinstance(content, list) else ():
            if not isinstance(part, dict):
                continue
            source = part.get("source")
            if part.get("type") == "tool_result":
                waiting.append(part)
            elif part.get("type") == "document" and isinstance(source, dict) and source.get("type") == "content":
                waiting.append(source)
            elif isinstance(part.get("type"), str) and part["type"] in _TOKENS_MAX:
                yield part


def _piece(part: dict[str, Any]) -> tuple[int, int]:
    """(bytes that are no text, tokens at most) of one piece of media."""
    kind: str = part["type"]
    inner = part.get("source") if "source" in part else part.get(kind)
    if isinstance(inner, str):  # Some take the address without an object around it.
        inner = {"url": inner}
    if not isinstance(inner, dict):
        return 0, _TOKENS_MAX[kind]
    if kind == "document" and inner.get("type") == "text":
        return 0, 0
    url = inner.get("url")
    encoded = [inner.get("data"), inner.get("file_data"), url if isinstance(url, str) and url[:5] == "data:" else None]
    return sum(len(value) for value in encoded if isinstance(value, str)), _TOKENS_MAX[kind]
