"""Talks to a gateway by whichever OpenAI SDK its Python has, and prints what the SDK made of it as JSON."""

import json
import sys
from typing import Any

import openai

TOOLS: Any = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in ("look_up", "add")
]
RESULTS = {"look_up": "sunny", "add": "4"}


def ask(client: openai.OpenAI, prompt: str, **more: Any) -> Any:
    return client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": prompt}], **more)


def seen(answer: Any) -> dict[str, Any]:
    [choice] = answer.choices
    return {
        "model": answer.model,
        "text": choice.message.content,
        "stop": choice.finish_reason,
        "usage": [
            answer.usage.prompt_tokens,
            answer.usage.prompt_tokens_details.cached_tokens,
            answer.usage.completion_tokens,
        ],
    }


def streamed(client: openai.OpenAI) -> dict[str, Any]:
    messages: Any = [{"role": "user", "content": "plums"}]
    options: Any = {"include_usage": True}
    with client.chat.completions.stream(model=MODEL, messages=messages, stream_options=options) as stream:
        pieces = [event.delta for event in stream if event.type == "content.delta" and event.delta]
        return {**seen(stream.get_final_completion()), "pieces": pieces}


def tools(client: openai.OpenAI) -> dict[str, Any]:
    """Two calls at once in a stream; their results go back in the other order."""
    messages: Any = [{"role": "user", "content": "case:tools"}]
    with client.chat.completions.stream(model=MODEL, messages=messages, tools=TOOLS) as stream:
        message: Any = stream.get_final_completion().choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": RESULTS[call.function.name]} for call in message.tool_calls
    ]
    calls = [call.to_dict() for call in message.tool_calls]
    for call in calls:
        call["function"].pop("parsed_arguments", None)
        call.pop("index", None)
    said = {"role": "assistant", "content": message.content, "tool_calls": calls}
    turns = [*messages, said, *reversed(results)]
    answer = client.chat.completions.create(model=MODEL, messages=turns, tools=TOOLS)
    return {
        "calls": [[call.id, call.function.name, json.loads(call.function.arguments)] for call in message.tool_calls],
        **seen(answer),
    }


def failed(attempt: Any) -> dict[str, Any]:
    """The exception's class, the library's class over it, the HTTP status, and the protocol's own word."""
    try:
        attempt()
    except openai.APIError as error:
        return {
            "class": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "word": error.code or error.type,
            "message": error.message,
        }
    return {"class": None}


def responses(client: openai.OpenAI) -> dict[str, Any]:
    whole = client.responses.create(model=MODEL, input="plums", store=False)
    with client.responses.stream(model=MODEL, input="plums") as stream:
        final = stream.get_final_response()
    return {
        name: {
            "model": answer.model,
            "text": answer.output_text,
            "stop": answer.status,
            "usage": [
                answer.usage.input_tokens,
                answer.usage.input_tokens_details.cached_tokens,
                answer.usage.output_tokens,
            ],
        }
        for name, answer in (("whole", whole), ("streamed", final))
        if answer.usage
    }


def main() -> None:
    common: Any = {"base_url": f"{TOLD['url']}/v1", "max_retries": 0}
    client = openai.OpenAI(api_key=TOLD["key"], **common)
    stranger = openai.OpenAI(api_key="sk-nobody", **common)
    poor = openai.OpenAI(api_key=TOLD["poor_key"], **common)
    told: dict[str, Any] = {
        "version": openai.__version__,
        "whole": seen(ask(client, "plums")),
        "streamed": streamed(client),
        "tools": tools(client),
        "stranger": failed(lambda: ask(stranger, "plums")),
        "poor": failed(lambda: ask(poor, "plums")),
        "busy": failed(lambda: ask(client, "case:busy")),
        "cut": failed(lambda: list(ask(client, "case:cut", stream=True))),
        "responses": responses(client),
        "listed": MODEL in [model.id for model in client.models.list()],
    }
    if embedder := TOLD.get("embedder"):
        made = client.embeddings.create(model=embedder, input="plums")
        told["embedding"] = [made.data[0].embedding, made.usage.prompt_tokens]
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    TOLD = json.load(sys.stdin)
    MODEL = TOLD["model"]
    main()
