"""Talks to a gateway by whichever Anthropic SDK its Python has, and prints what the SDK made of it as JSON."""

import json
import sys
from typing import Any

import anthropic

TOOLS: Any = [{"name": name, "input_schema": {"type": "object", "properties": {}}} for name in ("look_up", "add")]
RESULTS = {"look_up": "sunny", "add": "4"}


def request(prompt: str, **more: Any) -> Any:
    return {"model": MODEL, "max_tokens": 500, "messages": [{"role": "user", "content": prompt}], **more}


def seen(answer: Any) -> dict[str, Any]:
    return {
        "model": answer.model,
        "text": "".join(block.text for block in answer.content if block.type == "text"),
        "stop": answer.stop_reason,
        "usage": [answer.usage.input_tokens, answer.usage.cache_read_input_tokens, answer.usage.output_tokens],
    }


def streamed(client: anthropic.Anthropic) -> dict[str, Any]:
    with client.messages.stream(**request("plums")) as stream:
        pieces = list(stream.text_stream)
        return {**seen(stream.get_final_message()), "pieces": pieces}


def tools(client: anthropic.Anthropic) -> dict[str, Any]:
    """Two calls at once in a stream; their results go back in the other order."""
    asked = request("case:tools", tools=TOOLS)
    with client.messages.stream(**asked) as stream:
        first = stream.get_final_message()
    calls: Any = [block for block in first.content if block.type == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": RESULTS[call.name]} for call in calls]
    said = [{"type": "tool_use", "id": call.id, "name": call.name, "input": call.input} for call in calls]
    turns = [{"role": "assistant", "content": said}, {"role": "user", "content": results[::-1]}]
    answer = client.messages.create(**{**asked, "messages": [*asked["messages"], *turns]})
    return {"calls": [[call.id, call.name, call.input] for call in calls], **seen(answer)}


def failed(attempt: Any) -> dict[str, Any]:
    """The exception's class, the HTTP status, the protocol's own word and the sentence."""
    try:
        attempt()
    except anthropic.APIError as error:
        body: Any = error.body
        return {
            "class": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "word": body["error"]["type"],
            "message": body["error"]["message"],
        }
    return {"class": None}


def cut(client: anthropic.Anthropic) -> None:
    with client.messages.stream(**request("case:cut")) as stream:
        stream.get_final_message()


def main() -> None:
    common: Any = {"base_url": TOLD["url"], "max_retries": 0}
    client = anthropic.Anthropic(api_key=TOLD["key"], **common)
    stranger = anthropic.Anthropic(api_key="sk-nobody", **common)
    poor = anthropic.Anthropic(api_key=TOLD["poor_key"], **common)
    counted = client.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": "plums"}])
    told = {
        "version": anthropic.__version__,
        "whole": seen(client.messages.create(**request("plums"))),
        "streamed": streamed(client),
        "tools": tools(client),
        "stranger": failed(lambda: stranger.messages.create(**request("plums"))),
        "poor": failed(lambda: poor.messages.create(**request("plums"))),
        "busy": failed(lambda: client.messages.create(**request("case:busy"))),
        "cut": failed(lambda: cut(client)),
        "counted": counted.input_tokens,
        "listed": MODEL in [model.id for model in client.models.list(limit=1000)],
    }
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    TOLD = json.load(sys.stdin)
    MODEL = TOLD["model"]
    main()
