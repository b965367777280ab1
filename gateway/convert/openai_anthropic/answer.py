"""Row 3: a whole answer of an Anthropic upstream as a chat completion."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.convert.conversion import Asked
from gateway.convert.openai_anthropic.request import WayBack
from gateway.convert.openai_anthropic.thoughts import details_of
from gateway.convert.stops import finish_of
from gateway.convert.usage import usage_openai, usage_told
from gateway.metering import Meter
from gateway.wire.body import BodyInvalid
from gateway.wire.stream import answer_decode, items, mapping, text_bytes


def answer_convert(body: bytes, asked: Asked, way_back: WayBack) -> bytes:
    """The completion; `BodyInvalid` where the answer is no message."""
    answer = answer_decode(body)
    if not isinstance(answer.get("content"), list):
        raise BodyInvalid("The upstream's answer has no content.")
    blocks = items(answer["content"])
    message = _message(blocks, asked, way_back)
    if refusal := refusal_of(answer):
        message["refusal"] = refusal
    meter = Meter()
    if usage := mapping(answer.get("usage")):
        meter.observe(usage)
    told = usage_told(meter, prompt_bytes=asked.prompt_bytes, output_bytes=text_bytes(blocks))
    calls = "tool_calls" in message or "function_call" in message
    finish = finish_of(answer.get("stop_reason"), calls=calls, legacy=way_back.legacy)
    completion = {
        "id": completion_id_of(answer),
        "object": "chat.completion",
        "created": asked.created_seconds,
        "model": asked.public_id,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": usage_openai(told),
    }
    return msgspec.json.encode(completion)


def completion_id_of(message: Mapping[str, Any]) -> str:
    """The upstream's id, told as OpenAI's."""
    return f"chatcmpl-{message.get('id') or 'unnamed'}"


def refusal_of(holder: Mapping[str, Any]) -> str | None:
    """Why the model refused, where it says so."""
    details = holder.get("stop_details")
    why = details.get("explanation") if isinstance(details, dict) and details.get("type") == "refusal" else None
    return why if isinstance(why, str) and why else None


def call_of(block: Mapping[str, Any], way_back: WayBack, arguments: str) -> dict[str, Any]:
    """The function of one call, under the client's own name for it."""
    return {"name": way_back.names.back(str(block.get("name", ""))), "arguments": arguments}


def _message(blocks: list[dict[str, Any]], asked: Asked, way_back: WayBack) -> dict[str, Any]:
    texts: list[str] = []
    thoughts: list[str] = []
    details: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    for block in blocks:
        match block:
            case {"type": "text", "text": str(text)}:
                texts.append(text)
            case {"type": "tool_use", "name": name} if name == way_back.answer_tool:
                texts.append(_arguments(block))
            case {"type": "tool_use"}:
                function = call_of(block, way_back, _arguments(block))
                calls.append({"id": str(block.get("id")), "type": "function", "function": function})
            case {"type": "thinking" | "redacted_thinking"}:
                thoughts.append(str(block.get("thinking") or ""))
                detail = details_of(block, len(details), asked.public_id)
                details += [detail] if detail else []
            case _:
                continue  # What the provider did on its own side is never shown as the client's calls.
    message: dict[str, Any] = {"role": "assistant", "content": "".join(texts), "refusal": None}
    if calls:
        message["content"] = message["content"] or None
        message |= {"function_call": calls[0]["function"]} if way_back.legacy else {"tool_calls": calls}
    if any(thoughts):
        message["reasoning_content"] = "".join(thoughts)
    if details:
        message["reasoning_details"] = details
    return message


def _arguments(block: Mapping[str, Any]) -> str:
    return msgspec.json.encode(block.get("input") or {}).decode()
