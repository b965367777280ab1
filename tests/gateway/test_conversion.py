"""Rows 2 and 3 on a real socket: whichever protocol a route speaks, the client gets its own, and pays the same."""

import pytest

from catalog.pricing import Usage
from tests.gateway.convert.asks import completion_read, message_read
from tests.gateway.platform import price_of
from tests.gateway.protocols import ANTHROPIC, OPENAI, both
from tests.upstreams import scripts, wire

OTHER = {OPENAI.name: ANTHROPIC, ANTHROPIC.name: OPENAI}


def text_of(protocol, answer):
    if protocol is OPENAI:
        return answer["choices"][0]["message"]["content"]
    return answer["content"][0]["text"]


@both
def test_a_whole_answer_is_converted_and_charged_exactly(gateway_server, customer, protocol):
    other = OTHER[protocol.name]
    model = gateway_server.model(scripts.whole(other.answer("Zwei Pfläumchen 🍑")), protocol=other.name)
    with gateway_server.client(customer) as client:
        answer = client.post(protocol.path, json={"model": model.public_id, **protocol.body})
    assert answer.status_code == 200
    assert text_of(protocol, answer.json()) == "Zwei Pfläumchen 🍑"
    assert answer.json()["model"] == model.public_id
    assert "x-tokenoutput-dropped" not in answer.headers
    [row] = customer.used()
    assert row.usage == Usage(input_tokens=1000, output_tokens=200)
    assert row.charge_nanos == price_of(row.usage)
    assert (row.client_protocol, row.upstream_protocol, row.outcome) == (protocol.name, other.name, "completed")


@both
def test_a_stream_is_converted_and_charged_exactly(gateway_server, customer, protocol):
    other = OTHER[protocol.name]
    model = gateway_server.model(scripts.stream(*other.stream("Zwei ", "Pfläumchen 🍑")), protocol=other.name)
    with gateway_server.client(customer) as client:
        answer = client.post(protocol.path, json={"model": model.public_id, "stream": True, **protocol.body})
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    if protocol is OPENAI:
        text = completion_read(answer.content, include_usage=False)["message"]["content"]
    else:
        message = message_read(answer.content)
        text = message["content"][0]["text"]
        assert (message["usage"]["input_tokens"], message["usage"]["output_tokens"]) == (1000, 200)
    assert text == "Zwei Pfläumchen 🍑"
    assert b"upstream" not in answer.content
    [row] = customer.used()
    assert row.usage == Usage(input_tokens=1000, output_tokens=200)
    assert row.outcome == "completed"


@both
def test_the_header_names_what_was_dropped(gateway_server, customer, protocol):
    other = OTHER[protocol.name]
    field = "seed" if protocol is OPENAI else "top_k"
    model = gateway_server.model(scripts.whole(other.answer()), protocol=other.name)
    body = {"model": model.public_id, field: 7, "novel": "x", **protocol.body}
    with gateway_server.client(customer) as client:
        answer = client.post(protocol.path, json=body)
    assert answer.headers["x-tokenoutput-dropped"] == f"{field}, novel"
    assert field.encode() not in model.requests()[0].body


@both
def test_what_cannot_be_carried_is_a_400_that_names_it_and_costs_nothing(gateway_server, customer, protocol):
    other = OTHER[protocol.name]
    field = {"n": 2} if protocol is OPENAI else {"container": "c"}
    model = gateway_server.model(scripts.whole(other.answer()), protocol=other.name)
    with gateway_server.client(customer) as client:
        answer = client.post(protocol.path, json={"model": model.public_id, **field, **protocol.body})
    assert answer.status_code == 400
    assert protocol.error_type(answer.json()) == "invalid_request_error"
    assert next(iter(field)) in answer.json()["error"]["message"]
    assert model.requests() == []
    customer.used_nothing()


@both
@pytest.mark.parametrize("how", ["error", "cut", "unreadable"])
def test_a_stream_that_breaks_off_never_ends_properly(gateway_server, customer, protocol, how):
    other = OTHER[protocol.name]
    begun = [*other.start, other.text("Two "), other.text("plums")]
    last = {"error": other.error(message="It burns"), "cut": b"", "unreadable": b"data: {oops\n\n" + other.text("x")}[
        how
    ]
    model = gateway_server.model(scripts.stream(*begun, last), protocol=other.name)
    with gateway_server.client(customer) as client:
        answer = client.post(protocol.path, json={"model": model.public_id, "stream": True, **protocol.body})
    assert answer.status_code == 200
    assert b"plums" in answer.content
    assert b"[DONE]" not in answer.content
    assert b'finish_reason":"' not in answer.content
    assert b"message_stop" not in answer.content
    assert b"message_delta" not in answer.content
    assert b'"error"' in answer.content
    assert (b"It burns" in answer.content) is (how == "error")
    [row] = customer.used()
    assert row.outcome == "upstream_error"
    assert row.usage.output_tokens > 0


@pytest.mark.parametrize("override", ["provider_default", OPENAI.name, ANTHROPIC.name])
@pytest.mark.parametrize("default", [OPENAI, ANTHROPIC], ids=lambda protocol: protocol.name)
@both
def test_the_matrix(gateway_server, customer, protocol, default, override):
    """Client protocol x provider default x route override: the override wins."""
    spoken = {OPENAI.name: OPENAI, ANTHROPIC.name: ANTHROPIC}.get(override, default)
    model = gateway_server.model(scripts.whole(spoken.answer("Two plums")), protocol=default.name, overrides=[override])
    with gateway_server.client(customer) as client:
        answer = client.post(protocol.path, json={"model": model.public_id, **protocol.body})
    assert text_of(protocol, answer.json()) == "Two plums"
    [request] = model.requests()
    assert request.target.endswith("/messages" if spoken is ANTHROPIC else "/chat/completions")


@both
def test_another_route_may_speak_the_clients_protocol(gateway_server, customer, protocol):
    """What one route cannot carry, the next one may."""
    other = OTHER[protocol.name]
    field = {"n": 2} if protocol is OPENAI else {"container": "c"}
    model = gateway_server.model(routes=2, protocol=other.name, overrides=["provider_default", protocol.name])
    model.on(scripts.whole(protocol.answer("Two plums")), route=1)
    with gateway_server.client(customer) as client:
        answer = client.post(protocol.path, json={"model": model.public_id, **field, **protocol.body})
    assert text_of(protocol, answer.json()) == "Two plums"
    assert model.requests(0) == []


def test_an_answer_that_is_none_is_not_made_one(gateway_server, customer):
    model = gateway_server.model(scripts.whole(wire.openai_answer(choices=[])))
    with gateway_server.client(customer) as client:
        answer = client.post(ANTHROPIC.path, json={"model": model.public_id, **ANTHROPIC.body})
    assert answer.status_code == 502
    customer.used_nothing()
