"""What a piece of an OpenAI answer says, whichever words the provider has for it. Pure."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from gateway.wire.stream import items, mapping

Kind = Literal["thinking", "text", "refusal"]


def choice_of(answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The one choice that was asked for; None where there is none."""
    return next((one for one in items(answer.get("choices")) if not one.get("index")), None)


def said_of(choice: Mapping[str, Any]) -> Mapping[str, Any]:
    """The message or a piece of it."""
    return mapping(choice.get("delta")) or mapping(choice.get("message")) or {"content": choice.get("text")}


def texts_of(said: Mapping[str, Any]) -> list[tuple[Kind, str]]:
    """Thoughts and texts in the order in which they were said."""
    found: list[tuple[Kind, str]] = []
    if thought := _thought(said):
        found.append(("thinking", thought))
    content = said.get("content")
    if isinstance(content, str):
        if content:
            found.append(("text", content))
    elif content:
        found += _listed(content)
    refusal = said.get("refusal")
    if isinstance(refusal, str) and refusal:
        found.append(("refusal", refusal))
    return found


def calls_of(said: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Calls, and the one legacy call, which some send empty beside others."""
    calls: list[Mapping[str, Any]] = [*items(said["tool_calls"])] if said.get("tool_calls") else []
    legacy = said.get("function_call")
    if isinstance(legacy, dict) and (legacy.get("name") or (legacy.get("arguments") and not calls)):
        calls.append({"index": -1, "function": legacy})
    return calls


def arguments_of(function: Mapping[str, Any]) -> str:
    """Arguments as text; some give the object itself."""
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        return arguments
    return msgspec.json.encode(arguments).decode() if arguments else ""


def usage_of(chunk: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Usage where it belongs, or where some providers hide it."""
    if usage := mapping(chunk.get("usage")):
        return usage
    if hidden := mapping(chunk.get("x_groq")):
        return mapping(hidden.get("usage"))
    return next((usage for one in items(chunk.get("choices")) if (usage := mapping(one.get("usage")))), None)


def _thought(said: Mapping[str, Any]) -> str:
    """Thoughts come under two or three names at once; one of them is enough."""
    for name in ("reasoning_content", "reasoning"):
        thought = said.get(name)
        if isinstance(thought, str) and thought:
            return thought
    details = items(said["reasoning_details"]) if said.get("reasoning_details") else []
    return "".join(str(one.get("text") or one.get("summary") or "") for one in details)


def _listed(content: object) -> list[tuple[Kind, str]]:
    """Parts of content, thoughts among them, as some providers send it."""
    found: list[tuple[Kind, str]] = []
    for part in items(content):
        match part:
            case {"type": "thinking", "thinking": str(text)}:
                found.append(("thinking", text))
            case {"type": "thinking", "thinking": list(inner)}:
                found += [("thinking", str(one["text"])) for one in items(inner) if one.get("text")]
            case {"type": "text", "text": str(text)}:
                found.append(("text", text))
            case {"type": "refusal", "refusal": str(text)}:
                found.append(("refusal", text))
            case _:
                continue  # References and media: no client protocol has a place for them in a model's answer.
    return [(kind, text) for kind, text in found if text]
