"""/v1/responses by the official SDK and over HTTP: any model of either protocol, exact charges, no forged ends."""

import json
from typing import Any

import openai
import pytest

from catalog.pricing import Usage
from tests.gateway.convert.responses_read import response_read
from tests.gateway.platform import price_of
from tests.upstreams import scripts, wire

THOUSAND_IN = price_of(Usage(input_tokens=1000, output_tokens=200))
LOOK_UP: Any = {"type": "function", "name": "look_up", "parameters": {"type": "object", "properties": {}}}
PATCH: Any = {"type": "custom", "name": "apply_patch", "description": "Change files."}
ROWS = {
    "openai_chat": (wire.openai_answer(), wire.openai_stream()),
    "anthropic_messages": (wire.anthropic_answer(), wire.anthropic_stream()),
}
rows = pytest.mark.parametrize("protocol", ROWS)


@pytest.fixture
def sdk(gateway_server, customer):
    with openai.OpenAI(base_url=f"{gateway_server.url}/v1", api_key=customer.key, max_retries=0) as client:
        yield client.responses


@pytest.fixture
def sell(gateway_server):
    """Sells a model whose upstream plays a script."""
    return gateway_server.model


def post(gateway_server, customer, model, **body):
    with gateway_server.client(customer) as client:
        return client.post("/v1/responses", json={"model": model.public_id, "input": "hello", **body})


@rows
def test_a_whole_answer_of_either_protocol(sdk, sell, customer, protocol):
    model = sell(scripts.whole(ROWS[protocol][0]), protocol=protocol)
    got = sdk.create(model=model.public_id, input="hello", instructions="Be brief.", store=False)
    assert (got.output_text, got.status, got.model, got.store) == ("Two plums", "completed", model.public_id, False)
    assert (got.usage.input_tokens, got.usage.output_tokens, got.usage.total_tokens) == (1000, 200, 1200)
    (record,) = customer.used()
    assert (record.charge_nanos, record.client_protocol) == (THOUSAND_IN, "openai_responses")
    assert record.upstream_protocol == protocol


@rows
def test_a_stream_of_either_protocol(sdk, sell, customer, protocol):
    model = sell(scripts.stream(*ROWS[protocol][1]), protocol=protocol)
    events = list(sdk.create(model=model.public_id, input="hello", stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    final = events[-1]
    assert final.type == "response.completed"
    assert (text, final.response.output_text, final.response.usage.total_tokens) == ("Two plums", "Two plums", 1200)
    assert customer.used()[0].charge_nanos == THOUSAND_IN


def test_the_stream_helper_puts_the_response_together(sdk, sell):
    model = sell(scripts.stream(*wire.openai_stream()))
    with sdk.stream(model=model.public_id, input="hello") as stream:
        assert stream.get_final_response().output_text == "Two plums"


def test_calls_go_out_and_their_results_come_back(sdk, sell):
    calls = [
        wire.openai_chunk({"tool_calls": [_call(0, "call_1", "look_up", '{"town":"Ulm"}')]}),
        wire.openai_chunk({"tool_calls": [_call(1, "call_2", "apply_patch", '{"input":"*** Begin"}')]}),
        wire.openai_chunk({}, "tool_calls"),
        wire.openai_usage(),
        wire.DONE,
    ]
    model = sell(scripts.stream(wire.OPENAI_ROLE, *calls), scripts.whole(wire.openai_answer()))
    with sdk.stream(model=model.public_id, input="hello", tools=[LOOK_UP, PATCH]) as stream:
        first = stream.get_final_response()
    told = [(item.type, item.call_id, getattr(item, "arguments", None) or item.input) for item in first.output]
    assert told == [
        ("function_call", "call_1", '{"town":"Ulm"}'),
        ("custom_tool_call", "call_2", "*** Begin"),
    ]
    results: list[Any] = [
        {"type": "custom_tool_call_output", "call_id": "call_2", "output": "Done"},
        {"type": "function_call_output", "call_id": "call_1", "output": "Rain"},
    ]
    before = [item.to_dict() for item in first.output]
    asked: Any = [{"role": "user", "content": "hello"}, *before, *results]
    assert sdk.create(model=model.public_id, input=asked, tools=[LOOK_UP, PATCH]).output_text == "Two plums"
    messages = model.exchange().request.json["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool"]
    assert {message["tool_call_id"]: message["content"] for message in messages[2:]} == {
        "call_1": "Rain",
        "call_2": "Done",
    }


def _call(index: int, call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


@rows
def test_a_cut_stream_never_completes(gateway_server, sdk, sell, customer, protocol):
    cut = scripts.stream(*ROWS[protocol][1][:-3], end="cut")
    model = sell(cut, protocol=protocol)
    events: list[Any] = []
    with pytest.raises(openai.APIError, match="broke off") as raised:
        _take(sdk.create(model=model.public_id, input="hello", stream=True), into=events)
    assert raised.value.code == "upstream_error"
    assert events[-1].type == "response.failed"
    assert events[-1].response.error.code == "upstream_error"
    assert events[-1].response.id == events[0].response.id
    assert "response.completed" not in {event.type for event in events}
    raw = post(gateway_server, customer, model, stream=True).content
    assert response_read(raw, ended=False)["status"] == "failed"
    assert all(row.outcome == "upstream_error" for row in customer.used(requests=2))


def _take(stream, *, into):
    """Every event as it comes: an error in mid-stream must not hide those before it."""
    for event in stream:
        into.append(event)


@rows
def test_an_answer_that_reached_its_maximum_is_incomplete(sdk, sell, protocol):
    chunks = {
        "openai_chat": [wire.openai_chunk({"content": "Two"}), wire.openai_chunk({}, "length"), wire.DONE],
        "anthropic_messages": [event.replace(b"end_turn", b"max_tokens") for event in wire.anthropic_stream("Two")],
    }
    model = sell(scripts.stream(*chunks[protocol]), protocol=protocol)
    events = list(sdk.create(model=model.public_id, input="hello", stream=True, max_output_tokens=50))
    assert events[-1].type == "response.incomplete"
    assert events[-1].response.incomplete_details.reason == "max_output_tokens"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("previous_response_id", "resp_1"),
        ("conversation", "conv_1"),
        ("background", True),
        ("prompt", {"id": "pmpt_1"}),
        ("tools", [{"type": "file_search", "vector_store_ids": ["vs_1"]}]),
        ("tools", [{"type": "mcp", "server_label": "x", "server_url": "https://example.com"}]),
        ("input", [{"type": "item_reference", "id": "msg_1"}]),
        ("input", [{"type": "function_call_output", "call_id": "call_1", "output": "?"}]),
        ("tool_choice", {"type": "function", "name": "nowhere"}),
    ],
)
def test_what_cannot_be_carried_is_refused_by_name(gateway_server, sell, customer, field, value):
    got = post(gateway_server, customer, sell(scripts.whole(wire.openai_answer())), **{field: value})
    assert got.status_code == 400
    assert got.json()["error"]["param"].startswith(field)
    customer.used_nothing()


@pytest.mark.parametrize("given", [{}, {"input": ""}, {"input": []}, {"input": 7}, {"input": None}, {"input": ["x"]}])
def test_input_must_be_there(gateway_server, sell, customer, given):
    model = sell(scripts.whole(wire.openai_answer()))
    with gateway_server.client(customer) as client:
        got = client.post("/v1/responses", json={"model": model.public_id, **given})
    assert (got.status_code, got.json()["error"]["param"]) == (400, "input")


def test_what_was_dropped_is_named(gateway_server, sell, customer):
    model = sell(scripts.whole(wire.openai_answer()))
    got = post(
        gateway_server,
        customer,
        model,
        store=True,
        tools=[LOOK_UP, {"type": "web_search"}],
        prompt_cache_key="session",
        truncation="auto",
    )
    assert got.json()["store"] is False
    assert set(got.headers["x-tokenoutput-dropped"].split(", ")) == {
        "store",
        "tools.web_search",
        "prompt_cache_key",
        "truncation",
    }
    assert [tool["function"]["name"] for tool in model.exchange().request.json["tools"]] == ["look_up"]


def test_errors_speak_openai(gateway_server, sell):
    model = sell(scripts.whole(wire.openai_answer()))
    poor = gateway_server.customer(credit="0")
    got = post(gateway_server, poor, model)
    assert (got.status_code, got.json()["error"]["type"]) == (402, "insufficient_quota")
    with gateway_server.client() as nobody:
        refused = nobody.post("/v1/responses", json={}, headers={"anthropic-version": "2023-06-01"})
    assert (refused.status_code, set(refused.json())) == (401, {"error"})


def test_an_error_before_content_is_a_status(gateway_server, sell, customer):
    model = sell(scripts.stream(wire.openai_error()))
    got = post(gateway_server, customer, model, stream=True)
    assert (got.status_code, got.json()["error"]["code"]) == (502, "upstream_error")
    customer.used_nothing()


def test_the_hold_does_not_count_pictures_by_the_byte(gateway_server, sell):
    picture = {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 2_000_000}
    model = sell(scripts.whole(wire.openai_answer()))
    modest = gateway_server.customer(credit="0.30")
    got = post(gateway_server, modest, model, input=[{"role": "user", "content": [picture]}], max_output_tokens=500)
    assert got.status_code == 200
    assert json.loads(model.exchange().request.body)["messages"][0]["content"][0]["type"] == "image_url"
