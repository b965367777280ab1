"""The official SDKs, as customers use them: base URL, key and model changed, nothing else."""

from typing import Any

import anthropic
import openai
import pytest

from catalog.pricing import Usage
from tests.gateway.platform import price_of
from tests.gateway.protocols import HELLO
from tests.upstreams import scripts, wire


@pytest.fixture
def openai_client(gateway_server, customer):
    with openai.OpenAI(base_url=f"{gateway_server.url}/v1", api_key=customer.key, max_retries=0) as client:
        yield client


@pytest.fixture
def anthropic_client(gateway_server, customer):
    with anthropic.Anthropic(base_url=gateway_server.url, api_key=customer.key, max_retries=0) as client:
        yield client


def body_of(raised) -> Any:
    """The error's JSON, as the SDK kept it."""
    return raised.value.body


TOOL_CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": ""}}


def test_openai_whole(gateway_server, customer, openai_client):
    model = gateway_server.model(scripts.whole(wire.openai_answer("Zwei Pfläumchen")))
    answer = openai_client.chat.completions.create(model=model.public_id, messages=HELLO)
    assert answer.choices[0].message.content == "Zwei Pfläumchen"
    assert answer.model == model.public_id
    assert answer.usage.total_tokens == 1200
    [row] = customer.used()
    assert row.charge_nanos == price_of(Usage(input_tokens=1000, output_tokens=200))
    assert answer._request_id == str(row.id)


@pytest.mark.parametrize("include_usage", [True, False])
def test_openai_streamed(gateway_server, customer, openai_client, include_usage):
    model = gateway_server.model(scripts.stream(*wire.openai_stream("Zwei ", "Pfläumchen")))
    options = {"stream_options": {"include_usage": True}} if include_usage else {}
    chunks = list(openai_client.chat.completions.create(model=model.public_id, messages=HELLO, stream=True, **options))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "Zwei Pfläumchen"
    assert {chunk.model for chunk in chunks} == {model.public_id}
    assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage] == ([1200] if include_usage else [])
    [row] = customer.used()
    assert row.charge_nanos == price_of(Usage(input_tokens=1000, output_tokens=200))


def test_openai_tools_streamed_by_the_helper(gateway_server, openai_client):
    more = {**TOOL_CALL, "function": {"arguments": '{"town":"Ulm"}'}}
    pieces = [
        wire.OPENAI_ROLE,
        wire.openai_chunk({"tool_calls": [TOOL_CALL]}),
        wire.openai_chunk({"tool_calls": [more]}),
        wire.openai_chunk({}, "tool_calls"),
        wire.openai_usage(),
        wire.DONE,
    ]
    model = gateway_server.model(scripts.stream(*pieces))
    tools = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]
    with openai_client.chat.completions.stream(model=model.public_id, messages=HELLO, tools=tools) as stream:
        answer = stream.get_final_completion()
    [call] = answer.choices[0].message.tool_calls
    assert (call.function.name, call.function.arguments) == ("look_up", '{"town":"Ulm"}')


def test_openai_errors_are_their_own_classes(gateway_server, customer, openai_client):
    model = gateway_server.model(scripts.whole(b"", status=500))

    def ask(model_id, client=openai_client):
        return client.chat.completions.create(model=model_id, messages=HELLO)

    with pytest.raises(openai.InternalServerError) as failed:
        ask(model.public_id)
    assert failed.value.status_code == 502
    with pytest.raises(openai.BadRequestError, match="does not exist") as unknown:
        ask("nobody-sells-this")
    assert (unknown.value.param, unknown.value.code) == ("model", "model_not_found")
    stranger = openai_client.with_options(api_key="sk-nobody")
    with pytest.raises(openai.AuthenticationError):
        ask(model.public_id, stranger)
    poor = openai_client.with_options(api_key=gateway_server.customer(credit="0").key)
    with pytest.raises(openai.APIStatusError) as broke:
        ask(model.public_id, poor)
    assert broke.value.status_code == 402
    assert broke.value.request_id


def test_openai_an_error_in_a_stream_raises(gateway_server, customer, openai_client):
    model = gateway_server.model(
        scripts.stream(wire.OPENAI_ROLE, wire.openai_chunk({"content": "x"}), wire.openai_error("on fire"))
    )
    stream = openai_client.chat.completions.create(model=model.public_id, messages=HELLO, stream=True)
    with pytest.raises(openai.APIError, match="on fire"):
        list(stream)


def test_openai_a_cut_stream_raises(gateway_server, customer, openai_client):
    model = gateway_server.model(scripts.stream(wire.OPENAI_ROLE, wire.openai_chunk({"content": "x"}), end="cut"))
    stream = openai_client.chat.completions.create(model=model.public_id, messages=HELLO, stream=True)
    with pytest.raises(openai.APIError, match="broke off"):
        list(stream)


def test_openai_models(gateway_server, openai_client):
    model = gateway_server.model(scripts.whole(b"{}"))
    assert model.public_id in [each.id for each in openai_client.models.list()]
    assert openai_client.models.retrieve(model.public_id).object == "model"
    with pytest.raises(openai.NotFoundError):
        openai_client.models.retrieve("nobody-sells-this")


def test_anthropic_whole(gateway_server, customer, anthropic_client):
    model = gateway_server.model(scripts.whole(wire.anthropic_answer("Zwei Pfläumchen")), protocol="anthropic_messages")
    answer = anthropic_client.messages.create(model=model.public_id, max_tokens=50, messages=HELLO)
    assert answer.content[0].text == "Zwei Pfläumchen"
    assert answer.model == model.public_id
    [row] = customer.used()
    assert row.charge_nanos == price_of(Usage(input_tokens=1000, output_tokens=200))
    assert answer._request_id == str(row.id)
    assert model.requests()[0].header("anthropic-version") == "2026-10-21"


def test_anthropic_streamed(gateway_server, customer, anthropic_client):
    model = gateway_server.model(
        scripts.stream(*wire.anthropic_stream("Zwei ", "Pfläumchen")), protocol="anthropic_messages"
    )
    with anthropic_client.messages.stream(model=model.public_id, max_tokens=50, messages=HELLO) as stream:
        answer = stream.get_final_message()
    assert answer.content[0].text == "Zwei Pfläumchen"
    assert answer.model == model.public_id
    assert answer.stop_reason == "end_turn"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (1000, 200)
    [row] = customer.used()
    assert row.charge_nanos == price_of(Usage(input_tokens=1000, output_tokens=200))


def test_anthropic_of_the_older_version_sends_its_key_in_its_own_header(gateway_server, customer):
    model = gateway_server.model(scripts.whole(wire.anthropic_answer()), protocol="anthropic_messages")
    headers = {"x-api-key": customer.key, "anthropic-version": "2023-06-01"}
    with gateway_server.client() as client:
        answer = client.post(
            "/v1/messages", json={"model": model.public_id, "max_tokens": 5, "messages": HELLO}, headers=headers
        )
    assert answer.status_code == 200
    assert model.requests()[0].header("anthropic-version") == "2023-06-01"


def test_anthropic_errors_are_their_own_classes(gateway_server, customer, anthropic_client):
    model = gateway_server.model(scripts.whole(b"", status=529), protocol="anthropic_messages")

    def ask(model_id, client=anthropic_client):
        return client.messages.create(model=model_id, max_tokens=50, messages=HELLO)

    with pytest.raises(anthropic.APIStatusError) as overloaded:
        ask(model.public_id)
    assert overloaded.value.status_code == 529
    assert body_of(overloaded)["error"]["type"] == "overloaded_error"
    with pytest.raises(anthropic.BadRequestError) as unknown:
        ask("nobody-sells-this")
    assert body_of(unknown)["error"]["type"] == "invalid_request_error"
    assert body_of(unknown)["request_id"] == unknown.value.request_id
    with pytest.raises(anthropic.AuthenticationError):
        ask(model.public_id, anthropic_client.with_options(api_key="sk-nobody"))
    poor = anthropic_client.with_options(api_key=gateway_server.customer(credit="0").key)
    with pytest.raises(anthropic.APIStatusError) as broke:
        ask(model.public_id, poor)
    assert (broke.value.status_code, body_of(broke)["error"]["type"]) == (402, "billing_error")


@pytest.mark.parametrize("end", ["error", "cut"])
def test_anthropic_a_broken_stream_raises(gateway_server, customer, anthropic_client, end):
    pieces = [wire.anthropic_start(), wire.ANTHROPIC_BLOCK, wire.anthropic_text("x")]
    script = (
        scripts.stream(*pieces, wire.anthropic_error("overloaded_error", "Overloaded"))
        if end == "error"
        else scripts.stream(*pieces, end="cut")
    )
    model = gateway_server.model(script, protocol="anthropic_messages")
    with (
        pytest.raises(anthropic.APIStatusError) as raised,
        anthropic_client.messages.stream(model=model.public_id, max_tokens=50, messages=HELLO) as stream,
    ):
        stream.get_final_message()
    assert body_of(raised)["error"]["type"] == ("overloaded_error" if end == "error" else "api_error")


def test_anthropic_counts_tokens_for_free(gateway_server, anthropic_client):
    model = gateway_server.model(scripts.whole({"input_tokens": 42}), protocol="anthropic_messages")
    broke = gateway_server.customer(credit="0")
    client = anthropic_client.with_options(api_key=broke.key)
    assert client.messages.count_tokens(model=model.public_id, messages=HELLO).input_tokens == 42
    assert model.requests()[0].target == "/v1/messages/count_tokens"
    assert model.requests()[0].json["model"] == model.upstream_models[0]
    assert broke.usage() == []


def test_anthropic_models(gateway_server, anthropic_client):
    model = gateway_server.model(scripts.whole(b"{}"), protocol="anthropic_messages")
    listed = anthropic_client.models.list(limit=1000)
    assert model.public_id in [each.id for each in listed.data]
    assert anthropic_client.models.retrieve(model.public_id).type == "model"
    with pytest.raises(anthropic.NotFoundError):
        anthropic_client.models.retrieve("nobody-sells-this")


def test_models_are_public_and_a_wrong_key_is_refused(gateway_server):
    with gateway_server.client() as client:
        assert client.get("/v1/models").json()["object"] == "list"
        assert client.get("/v1/models", headers={"anthropic-version": "2023-06-01"}).json()["has_more"] is False
        assert client.get("/v1/models", headers={"authorization": "Bearer sk-wrong"}).status_code == 401
        assert client.head("/v1/models").content == b""


def test_an_unlisted_model_is_sold_and_not_shown(gateway_server, customer):
    model = gateway_server.model(scripts.whole(wire.openai_answer()), listed=False)
    with gateway_server.client(customer) as client:
        assert model.public_id not in client.get("/v1/models").text
        body = {"model": model.public_id, "messages": HELLO}
        assert client.post("/v1/chat/completions", json=body).status_code == 200


def test_claude_codes_probe(gateway_server):
    with gateway_server.client() as client:
        assert client.head("/").status_code == 200
