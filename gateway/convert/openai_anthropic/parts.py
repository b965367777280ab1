"""Row 3: OpenAI's content parts as Anthropic's content blocks."""

from collections.abc import Mapping
from typing import Any

from gateway.convert.media import document_block_of, image_block_of
from gateway.convert.shapes import object_at, parts_at, refused, text_at


def blocks_of(content: object, where: str) -> list[dict[str, Any]]:
    """The blocks of a message; texts that say nothing are left out, because Anthropic refuses them."""
    return [block for part, place in parts_at(content, where) for block in _block(part, place)]


def text_of(content: object, where: str) -> str:
    """Text alone, as for a system prompt in mid-conversation."""
    return "\n".join(block["text"] for block in texts_of(content, where))


def texts_of(content: object, where: str) -> list[dict[str, Any]]:
    """Blocks of text alone."""
    blocks = blocks_of(content, where)
    for block in blocks:
        if block["type"] != "text":
            raise refused(f"a part of type {block['type']!r}", where)
    return blocks


def _block(part: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    match part.get("type"):
        case "text" | "input_text" | "output_text":
            text = text_at(part.get("text"), f"{where}.text")
            return [_cached({"type": "text", "text": text}, part)] if text.strip() else []
        case "refusal":
            return [{"type": "text", "text": text_at(part.get("refusal"), f"{where}.refusal")}]
        case "image_url":
            image = part.get("image_url")
            url = image if isinstance(image, str) else object_at(image, f"{where}.image_url").get("url")
            return [_cached(image_block_of(text_at(url, f"{where}.image_url.url"), f"{where}.image_url"), part)]
        case "file":
            file = object_at(part.get("file"), f"{where}.file")
            return [_cached(document_block_of(file, f"{where}.file"), part)]
        case kind:
            raise refused(f"a part of type {str(kind)[:40]!r}", where)


def _cached(block: dict[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    control = part.get("cache_control")
    return {**block, "cache_control": control} if isinstance(control, dict) else block
