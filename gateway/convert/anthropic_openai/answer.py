"""Row 2: a whole answer of an OpenAI upstream as an Anthropic Message."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

from gateway.convert.conversion import Asked
from gateway.convert.names import ToolNames, id_made, id_to_anthropic
from gateway.convert.said import arguments_of, calls_of, choice_of, said_of, texts_of, usage_of
from gateway.convert.stops import stop_of
from gateway.convert.usage import usage_anthropic, usage_told
from gateway.metering import Meter
from gateway.wire.body import BodyInvalid
from gateway.wire.stream import answer_decode, object_decode, text_bytes

# Where a model's arguments are no JSON object, the client still gets what it said. Anthropic's docs use this name.
INVALID_JSON = "INVALID_JSON"


def answer_convert(body: bytes, asked: Asked, names: ToolNames) -> bytes:
    """The Message; `BodyInvalid` where the answer has no choice, or ended in an error."""
    answer = answer_decode(body)
    choice = choice_of(answer)
    if choice is None or choice.get("finish_reason") == "error":
        raise BodyInvalid("The upstream's answer has no choice.")
    said = said_of(choice)
    texts = texts_of(said)
    message_id = message_id_of(answer, body)
    content: list[dict[str, Any]] = []
    for kind, text in texts:
        _text_add(content, kind, text)
    calls = [_call(call, at, message_id, names) for at, call in enumerate(calls_of(said))]
    refused = any(kind == "refusal" for kind, _ in texts)
    meter = Meter()
    if usage := usage_of(answer):
        meter.observe(usage)
    told = usage_told(meter, prompt_bytes=asked.prompt_bytes, output_bytes=text_bytes([said]))
    message = {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": asked.public_id,
        "content": content + calls,
        "stop_reason": stop_of(choice.get("finish_reason"), calls=bool(calls), refused=refused),
        "stop_sequence": None,
        "usage": usage_anthropic(told),
    }
    return msgspec.json.encode(message)


def message_id_of(answer: Mapping[str, Any], data: bytes) -> str:
    """The upstream's id, told as Anthropic's; where there is none, one made of the answer."""
    given = answer.get("id")
    if not isinstance(given, str) or not given:
        given = sha256(data).hexdigest()[:24]
    return given if given.startswith("msg_") else f"msg_{given}"


def _text_add(content: list[dict[str, Any]], kind: str, text: str) -> None:
    """Texts of one kind in a row are one block."""
    wanted = "thinking" if kind == "thinking" else "text"
    if content and content[-1]["type"] == wanted:
        content[-1][wanted] += text
    elif wanted == "thinking":
        content.append({"type": "thinking", "thinking": text, "signature": ""})
    else:
        content.append({"type": "text", "text": text})


def _call(call: Mapping[str, Any], at: int, message_id: str, names: ToolNames) -> dict[str, Any]:
    function = call.get("function")
    if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
        raise BodyInvalid("The upstream's answer has a call without a name.")
    given = call.get("id")
    return {
        "type": "tool_use",
        "id": id_to_anthropic(given) if isinstance(given, str) and given else id_made(message_id, at),
        "name": names.back(function["name"]),
        "input": _input(arguments_of(function)),
    }


def _input(arguments: str) -> object:
    """The arguments as they came where they are an object: their numbers are not touched."""
    text = arguments.strip()
    if not text:
        return {}
    data = text.encode()
    return {INVALID_JSON: arguments} if object_decode(data) is None else msgspec.Raw(data)
