"""What OpenAPI says of the inference endpoints is so: requests, answers, events and errors of the running gateway."""

import json
from functools import cache
from typing import Any

import pytest
from django.conf import settings
from jsonschema_rs import Draft202012Validator

from tests.upstreams.scripts import stream, whole
from tests.upstreams.wire import anthropic_answer, anthropic_stream, openai_answer, openai_stream

DESCRIBED = json.loads((settings.BASE_DIR / "docs" / "openapi.json").read_text())
HELLO = {"messages": [{"role": "user", "content": "hello"}]}
# What is asked, the upstream's protocol, its whole answer and its stream.
ASKED: dict[str, Any] = {
    "/v1/chat/completions": (HELLO | {"n": 1, "stop": None}, "openai_chat", openai_answer(), openai_stream()),
    "/v1/messages": (
        HELLO | {"max_tokens": 50, "system": "short"}, "anthropic_messages", anthropic_answer(), anthropic_stream(),
    ),
    "/v1/responses": ({"input": "hello", "store": False}, "openai_chat", openai_answer(), openai_stream()),
    "/v1/messages/count_tokens": (HELLO, "anthropic_messages", {"input_tokens": 9}, None),
    "/v1/embeddings": ({"input": ["a", "b"]}, "openai_chat", {
        "object": "list", "model": "m", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "usage": {"prompt_tokens": 2, "total_tokens": 2},
    }, None),
}  # fmt: skip


@cache
def validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator({**json.loads(schema), "components": DESCRIBED["components"]})


def check(schema: Any, value: Any) -> None:
    errors = list(validator(json.dumps(schema)).iter_errors(value))
    assert errors == [], (errors[0].instance_path, errors[0].message)


def checked(path: str, answer: Any, method: str = "post") -> Any:
    """The answer, held against what the description says of its status."""
    said = DESCRIBED["paths"][path][method]["responses"]
    assert str(answer.status_code) in said, answer.text
    found = response_of(said[str(answer.status_code)])
    for header in found["headers"]:
        assert header in answer.headers, header
    check(found["content"]["application/json"]["schema"], answer.json())
    return answer.json()


def response_of(found: Any) -> Any:
    name = found.get("$ref", "").rpartition("/")[2]
    return DESCRIBED["components"]["responses"][name] if name else found


def events_of(answer: Any) -> list[Any]:
    lines = [line.removeprefix("data:").strip() for line in answer.text.splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


@pytest.mark.parametrize("path", ASKED)
def test_answers_and_errors_are_as_described(gateway_server, customer, path):
    asked, protocol, answered, streamed = ASKED[path]
    more = {"capabilities": ["embeddings"]} if path == "/v1/embeddings" else {}
    model = gateway_server.model(whole(answered), protocol=protocol, **more)
    operation = DESCRIBED["paths"][path]["post"]
    body = asked | {"model": model.public_id}
    check(operation["requestBody"]["content"]["application/json"]["schema"], body)
    poor = gateway_server.customer(credit="0")
    with gateway_server.client(customer) as client, gateway_server.client(poor) as penniless:
        assert checked(path, client.post(path, json=body))
        # Either way to send a key; without one, with a model that is none, and without money.
        either = client.post(path, json=body, headers={"authorization": "", "x-api-key": customer.key})
        assert either.status_code == 200
        assert checked(path, client.post(path, json=body, headers={"authorization": ""}))["error"]["metadata"]
        assert client.post(path, json=body, headers={"authorization": ""}).status_code == 401
        assert checked(path, client.post(path, json=body | {"model": "none"}))["error"]["metadata"]["charged"] is False
        assert checked(path, penniless.post(path, json=body)) is not None
        if streamed:
            model.on(stream(*streamed))
            schema = operation["responses"]["200"]["content"]["text/event-stream"]["schema"]["contentSchema"]
            told = events_of(client.post(path, json=body | {"stream": True, **_usage(path)}))
            assert len(told) > 2
            for event in told:
                check(schema, event)
            customer.used(requests=3)


def _usage(path: str) -> dict[str, Any]:
    return {"stream_options": {"include_usage": True}} if path == "/v1/chat/completions" else {}


def test_models_are_as_described(gateway_server):
    model = gateway_server.model(whole(openai_answer()))
    with gateway_server.client() as client:
        for headers in ({}, {"anthropic-version": "2023-06-01"}):
            listed = checked("/v1/models", client.get("/v1/models", headers=headers), "get")
            one = checked("/v1/models/{id}", client.get(f"/v1/models/{model.public_id}", headers=headers), "get")
            assert one in listed["data"]
        checked("/v1/models/{id}", client.get("/v1/models/none"), "get")
        checked("/v1/models", client.get("/v1/models", headers={"x-api-key": "sk-none"}), "get")
