"""Row 3: signed thoughts, which OpenAI has no word for, in the `reasoning_details` that OpenRouter's clients keep."""

from collections.abc import Mapping
from typing import Any

from gateway.wire.stream import items

FORMAT = "anthropic-claude-v1"


def details_of(block: Mapping[str, Any], at: int, public_id: str) -> dict[str, Any] | None:
    """One detail for a block of thinking; None for one that Anthropic would not take back."""
    signed = {"format": FORMAT, "index": at, "model": public_id}
    match block:
        case {"type": "thinking", "thinking": str(text), "signature": str(signature)} if signature:
            return {"type": "reasoning.text", "text": text, "signature": signature, **signed}
        case {"type": "redacted_thinking", "data": str(data)}:
            return {"type": "reasoning.encrypted", "data": data, **signed}
        case _:
            return None


def blocks_of_details(details: object, public_id: str) -> list[dict[str, Any]]:
    """The blocks back, in their order. A signature holds for the model that made it and for no other."""
    blocks: list[dict[str, Any]] = []
    for detail in items(details):
        if detail.get("format") != FORMAT or detail.get("model") != public_id:
            continue
        match detail:
            case {"type": "reasoning.text", "text": str(text), "signature": str(signature)}:
                blocks.append({"type": "thinking", "thinking": text, "signature": signature})
            case {"type": "reasoning.encrypted", "data": str(data)}:
                blocks.append({"type": "redacted_thinking", "data": data})
            case _:
                continue  # A piece without its signature is of no use there.
    return blocks
