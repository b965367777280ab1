"""Row 2: Anthropic's content blocks as OpenAI's content parts."""

from collections.abc import Mapping
from typing import Any

from gateway.convert.fields import Drops
from gateway.convert.media import document_parts_of, image_part_of
from gateway.convert.shapes import parts_at, refused, text_at

BILLING_HEADER = "x-anthropic-billing-header"


def texts_of_system(content: object, where: str, drops: Drops) -> list[str]:
    """The texts of a system prompt. The billing header changes with each session and would spoil prefix caches."""
    texts: list[str] = []
    for part, place in parts_at(content, where):
        match part.get("type"):
            case "text":
                text = text_at(part.get("text"), f"{place}.text")
                if text and not text.startswith(BILLING_HEADER):
                    texts.append(text)
            case "tool_addition" | "tool_removal" as kind:
                drops.add(f"messages.{kind}")  # Every tool is sent at once.
            case kind:
                raise refused(f"a block of type {str(kind)[:40]!r}", place)
    return texts


def parts_of_block(block: Mapping[str, Any], where: str, drops: Drops) -> list[dict[str, Any]]:
    """The parts of one block of a user's turn or of a tool's result."""
    match block.get("type"):
        case "text":
            text = text_at(block.get("text"), f"{where}.text")
            return [{"type": "text", "text": text}] if text else []
        case "image":
            return [image_part_of(block.get("source"), f"{where}.source")]
        case "document":
            if (block.get("citations") or {}) != {} and block["citations"] != {"enabled": False}:
                drops.add("messages.citations")
            return document_parts_of(block, where)
        case "search_result":
            return _search_result(block, where)
        case "tool_reference":
            drops.add("messages.tool_reference")  # Every tool is sent at once.
            return [{"type": "text", "text": f"Tool: {text_at(block.get('tool_name'), f'{where}.tool_name')}"}]
        case kind:
            raise refused(f"a block of type {str(kind)[:40]!r}", where)


def content_of(parts: list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    """A single text as a string, which every provider takes; else the parts."""
    return parts[0]["text"] if len(parts) == 1 and parts[0]["type"] == "text" else parts


def result_of(block: Mapping[str, Any], where: str, drops: Drops) -> tuple[str, list[dict[str, Any]]]:
    """A tool's result: its text, and the media that a tool message cannot hold."""
    parts: list[dict[str, Any]] = []
    for part, place in parts_at(block.get("content") or [], f"{where}.content"):
        parts += parts_of_block(part, place, drops)
    text = "\n".join(part["text"] for part in parts if part["type"] == "text")
    media = [part for part in parts if part["type"] != "text"]
    if media and not text:
        text = "The result follows in the next message."
    if block.get("is_error") is True and not text.lower().startswith("error"):
        text = f"Error: {text}" if text else "Error"
    return text, media


def _search_result(block: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    lines = [str(block[name]) for name in ("title", "source") if block.get(name)]
    for part, place in parts_at(block.get("content") or [], f"{where}.content"):
        lines.append(text_at(part.get("text"), f"{place}.text"))
    return [{"type": "text", "text": "\n".join(lines)}]
