"""Why an answer ended, in the words of both protocols. Pure."""

from collections.abc import Mapping
from typing import Final

FINISH_OF_STOP: Final[Mapping[str, str]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
STOP_OF_FINISH: Final[Mapping[str, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


def finish_of(stop_reason: object, *, calls: bool, legacy: bool = False) -> str:
    """OpenAI's `finish_reason`: calls only where the client has some, and in its own word."""
    finish = FINISH_OF_STOP.get(str(stop_reason), "stop")
    if finish != "tool_calls":
        return finish
    if not calls:
        return "stop"  # All of them were the provider's own.
    return "function_call" if legacy else "tool_calls"


def stop_of(finish_reason: object, *, calls: bool, refused: bool) -> str:
    """Anthropic's `stop_reason`; some say `stop`, or nothing, after calls."""
    stop = STOP_OF_FINISH.get(str(finish_reason), "end_turn")
    if stop in ("end_turn", "tool_use"):
        if refused:
            return "refusal"
        return "tool_use" if calls else "end_turn"
    return stop
