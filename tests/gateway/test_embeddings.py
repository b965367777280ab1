"""Embeddings by the official SDK and by hand: relayed as they are, charged for their input alone."""

import json
from typing import Any

import openai
import pytest

from catalog.pricing import Usage
from tests.gateway.platform import price_of
from tests.upstreams import scripts


def answer(tokens: int | None = 12, **usage: Any) -> bytes:
    told = usage or ({} if tokens is None else {"prompt_tokens": tokens, "total_tokens": tokens})
    vectors = [{"object": "embedding", "index": 0, "embedding": [0.5, -0.25]}]
    return json.dumps({"object": "list", "data": vectors, "model": "theirs", "usage": told}).encode()


@pytest.fixture
def embedder(gateway_server):
    """Sells a model for embeddings, whose upstream plays a script."""
    return lambda script, **more: gateway_server.model(script, capabilities=["embeddings"], **more)


@pytest.fixture
def ask(gateway_server, customer):
    def post(model, **body):
        with gateway_server.client(customer) as client:
            return client.post("/v1/embeddings", json={"model": model.public_id, **body})

    return post


def test_the_official_sdk_gets_its_vectors_and_the_input_is_charged(gateway_server, customer, embedder):
    model = embedder(scripts.whole(answer()))
    with openai.OpenAI(base_url=f"{gateway_server.url}/v1", api_key=customer.key, max_retries=0) as client:
        made = client.embeddings.create(model=model.public_id, input=["plums", "pears"], encoding_format="float")
    assert (made.data[0].embedding, made.model, made.usage.prompt_tokens) == ([0.5, -0.25], model.public_id, 12)
    (record,) = customer.used()
    assert (record.usage, record.charge_nanos) == (Usage(12), price_of(Usage(12)))
    assert (record.client_protocol, record.upstream_protocol) == ("openai_embeddings", "openai_chat")


def test_request_and_answer_are_relayed_as_they_are(ask, embedder):
    body = answer().replace(b", ", b" ,  ")
    model = embedder(scripts.whole(body))
    got = ask(model, input="plums", dimensions=2, user="somebody")
    assert got.content == body.replace(b'"theirs"', json.dumps(model.public_id).encode())
    sent = model.exchange().request
    assert sent.target == "/v1/embeddings"
    assert sent.json == {"model": model.upstream_models[0], "input": "plums", "dimensions": 2, "user": "somebody"}


@pytest.mark.parametrize("given", ["plums", ["plums", "pears"], [1, 2, 3], [[1, 2], [3]]])
def test_input_comes_in_four_forms(ask, customer, embedder, given):
    assert ask(embedder(scripts.whole(answer(3))), input=given).status_code == 200
    assert customer.used()[0].charge_nanos == price_of(Usage(3))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "input"),
        ({"input": None}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": [""]}, "input"),
        ({"input": [[]]}, "input"),
        ({"input": [1.5]}, "input"),
        ({"input": [True]}, "input"),
        ({"input": [1, "a"]}, "input"),
        ({"input": {"text": "a"}}, "input"),
        ({"input": 7}, "input"),
        ({"input": ["a"] * 2049}, "input"),
        ({"input": "a", "stream": True}, "stream"),
        ({"input": "a", "stream": "no"}, "stream"),
    ],
)
def test_bad_input_is_400_by_the_name_of_its_field(ask, customer, embedder, body, field):
    model = embedder(scripts.whole(answer()))
    got = ask(model, **body)
    assert (got.status_code, got.json()["error"]["param"]) == (400, field)
    assert model.requests() == []
    customer.used_nothing()


def test_each_kind_of_model_has_its_own_endpoint(gateway_server, customer, ask, embedder):
    chat, vectors = gateway_server.model(scripts.whole(answer())), embedder(scripts.whole(answer()))
    hello = [{"role": "user", "content": "hello"}]
    with gateway_server.client(customer) as client:
        refused = [
            client.post("/v1/chat/completions", json={"model": vectors.public_id, "messages": hello}),
            client.post("/v1/messages", json={"model": vectors.public_id, "messages": hello, "max_tokens": 9}),
            ask(chat, input="plums"),
        ]
    assert [one.status_code for one in refused] == [400, 400, 400]
    assert all("embeddings" in one.json()["error"]["message"] for one in refused)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [({"total_tokens": 9}, Usage(9)), ({"prompt_tokens": 9}, Usage(9)), ({"other": 1}, Usage(1))],
)
def test_usage_in_its_forms_and_estimated_where_there_is_none(ask, customer, embedder, usage, expected):
    assert ask(embedder(scripts.whole(answer(**usage))), input="plums").status_code == 200
    assert customer.used()[0].charge_nanos == price_of(expected)


def test_an_answer_without_vectors_is_an_error_and_free(ask, customer, embedder):
    got = ask(embedder(scripts.whole(b'{"object":"list","usage":{"total_tokens":5}}')), input="plums")
    assert got.status_code == 502
    customer.used_nothing()


def test_many_inputs_may_have_more_tokens_together_than_the_context(ask, gateway_server, embedder):
    """The context bounds each of them, so the hold covers all."""
    model = embedder(scripts.whole(answer(900)), context_tokens=500, max_output_tokens=1)
    assert ask(model, input=["x" * 400, "y" * 400, "z" * 400]).status_code == 200


def test_a_wallet_that_cannot_cover_the_input_is_402(gateway_server, embedder):
    model, poor = embedder(scripts.whole(answer())), gateway_server.customer(credit="0.000001")
    with gateway_server.client(poor) as client:
        got = client.post("/v1/embeddings", json={"model": model.public_id, "input": "plums " * 100})
    assert got.status_code == 402
