"""Anthropic Messages: what is read of requests, streams and answers, and what is sent on."""

import json

import pytest

from catalog.pricing import Usage
from gateway.wire import anthropic
from gateway.wire.body import BodyInvalid, members_decode
from gateway.wire.sse import Event
from tests.gateway.wire.streams import fixture, stream_read

HELLO = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}


def decoded(**members):
    return members_decode(json.dumps({**HELLO, **members}).encode())


def read(**members):
    return anthropic.request_read(decoded(**members))


def sent(*, max_output_tokens=None, **members):
    return json.loads(
        anthropic.request_upstream(decoded(**members), upstream_model="up", max_output_tokens=max_output_tokens)
    )


def test_a_plain_request():
    request = read(stream=True)
    assert (request.model, request.stream, request.max_output_tokens) == ("m", True, 9)
    assert (request.n, request.include_usage) == (1, True)
    assert request.prompt_text_bytes <= request.prompt_tokens_bound


@pytest.mark.parametrize(
    ("asked", "ours", "budget", "kept"),
    [
        (32_000, 8_000, 31_999, 4_000),
        (32_000, 8_000, 8_000, 4_000),
        (32_000, 8_000, 7_999, 7_999),
        (32_000, 8_000, 40_000, 40_000),  # Above the client's own maximum: with interleaved thinking it may be.
        (32_000, 1_500, 20_000, 1_024),
        (9_000, None, 8_999, 8_999),
    ],
)
def test_a_thinking_budget_stays_below_a_maximum_that_is_lowered(asked, ours, budget, kept):
    thinking = {"type": "enabled", "budget_tokens": budget, "display": "omitted"}
    body = sent(max_tokens=asked, max_output_tokens=ours, thinking=thinking)
    assert (body["max_tokens"], body["thinking"]) == (ours or asked, {**thinking, "budget_tokens": kept})


@pytest.mark.parametrize("thinking", [{"type": "adaptive"}, {"type": "disabled"}, None, "enabled"])
def test_thinking_without_a_budget_is_left_alone(thinking):
    assert sent(max_tokens=9_000, max_output_tokens=8_000, thinking=thinking)["thinking"] == thinking


def wrong(field, *values):
    return [(field, value) for value in values]


WRONG_COUNTS: list[object] = [None, -1, 0, 2**63, "5", 1.5, 1e308, True, [], {}]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *wrong("model", None, 5, "", [], {}),
        *wrong("messages", None, [], {}, "hello", ["hello"], [{"content": "x"}]),
        *wrong("max_tokens", *WRONG_COUNTS),
        *wrong("stream", "true", 1, [], {}),
        ("tools", "x"),
    ],
    ids=repr,
)
def test_a_wrong_field_is_refused_by_name(field, value):
    with pytest.raises(BodyInvalid, match=field) as refused:
        read(**{field: value})
    assert refused.value.param == field


def test_counting_tokens_needs_no_maximum():
    members = members_decode(b'{"model":"m","messages":[{"role":"user","content":"x"}]}')
    assert anthropic.count_tokens_read(members).max_output_tokens is None
    with pytest.raises(BodyInvalid, match="max_tokens is missing"):
        anthropic.request_read(members)


@pytest.mark.parametrize(("field", "value"), [("inference_geo", "us"), ("fallbacks", [{"model": "dearer"}])])
def test_fields_that_change_the_answer_and_the_bill_are_refused(field, value):
    with pytest.raises(BodyInvalid, match=f"{field} is not available here") as refused:
        read(**{field: value})
    assert refused.value.param == field
    assert read(**{field: None}).model == "m"


@pytest.mark.parametrize(
    ("field", "value", "neutral"),
    [
        ("service_tier", "priority", "standard_only"),
        ("service_tier", "standard_only", "standard_only"),
        ("service_tier", "auto", "auto"),
        ("speed", "fast", ...),
        ("speed", "standard", "standard"),
        ("inference_geo", "global", "global"),
        ("fallbacks", [], []),
    ],
)
def test_fields_that_only_tune_become_neutral(field, value, neutral):
    read(**{field: value})
    assert sent(**{field: value}).get(field, ...) == neutral


def test_every_row_of_the_table_is_tested():
    assert {row.field for row in anthropic.CHARGED_FIELDS} == {"service_tier", "speed", "inference_geo", "fallbacks"}


@pytest.mark.parametrize("kind", ["web_search_20250305", "advisor_20260301", "something_new_20270101", 5])
def test_tools_that_are_charged_apart_from_tokens_are_refused(kind):
    with pytest.raises(BodyInvalid, match="Tools of type"):
        read(tools=[{"name": "mine", "input_schema": {}}, {"type": kind, "name": "x"}])


@pytest.mark.parametrize(
    ("members", "bounded"),
    [
        ({"tools": [{"name": "f", "input_schema": {}}, {"type": "custom", "name": "g"}, {"type": None}]}, True),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, True),
        ({"tools": [{"type": "tool_search_tool_bm25_20251119", "name": "search"}]}, True),
        ({"tools": [{"type": "web_fetch_20260209", "name": "web_fetch"}]}, False),
        ({"tools": [{"type": "mcp_toolset", "mcp_server_name": "x"}]}, False),
        ({"mcp_servers": [{"type": "url", "url": "https://mcp.example"}]}, False),
        ({"mcp_servers": []}, True),
    ],
    ids=str,
)
def test_tools_that_fetch_text_leave_the_prompt_without_a_bound(members, bounded):
    assert (read(**members).prompt_tokens_bound is not None) is bounded


def test_the_upstream_gets_its_own_model_name_and_everything_else_as_it_was():
    body = b'{"max_tokens": 9,"x":{"model" : "m"},"messages":[{"role":"user","content":"h\\u0069"}],"model":"m"}'
    assert anthropic.request_upstream(members_decode(body), upstream_model="up") == (
        b'{"max_tokens":9,"x":{"model" : "m"},"messages":[{"role":"user","content":"h\\u0069"}],"model":"up"}'
    )
    assert sent(max_output_tokens=3)["max_tokens"] == 3


START = Usage(input_tokens=30, cache_read_tokens=100, cache_write_5m_tokens=5, cache_write_1h_tokens=3)
CASES = {
    # name: (ended, first event with content, bytes of output, tokens of output, errors)
    "text": (True, 3, 9, 6, 0),
    "tools": (True, 2, 3 + 7 + 14, 40, 0),
    "error_after_content": (False, 3, 4, 1, 1),
    "cut": (False, 3, 4, 1, 0),
    "no_stop": (False, 3, 9, 6, 0),
}


@pytest.mark.parametrize("name", CASES)
def test_streams(name):
    ended, first_content, output_bytes, output_tokens, errors = CASES[name]
    read = stream_read(anthropic, fixture("anthropic_messages", name))
    assert (read.ended, read.first_content, read.output_bytes) == (ended, first_content, output_bytes)
    assert len(read.errors) == errors
    usage = read.meter.usage
    assert usage is not None
    assert (usage.input_tokens, usage.cache_read_tokens) == (START.input_tokens, START.cache_read_tokens)
    assert (usage.cache_write_5m_tokens, usage.cache_write_1h_tokens) == (5, 3)
    assert usage.output_tokens == output_tokens
    assert usage.reasoning_tokens == (11 if name == "tools" else 0)


def test_an_error_as_the_first_event():
    read = stream_read(anthropic, fixture("anthropic_messages", "error_first"))
    assert read.errors == [{"type": "overloaded_error", "message": "Overloaded"}]
    assert (read.meter.usage, read.first_content, read.ended) == (None, None, False)


def see(event="", **members):
    return anthropic.StreamReader().feed(Event(b"", event, json.dumps(members).encode()))


@pytest.mark.parametrize(
    ("block", "content"),
    [
        ({"type": "text", "text": ""}, False),
        ({"type": "thinking", "thinking": "", "signature": ""}, False),
        ({"type": "tool_use", "id": "t", "name": "f", "input": {}}, True),
        ({"type": "redacted_thinking", "data": "xx"}, True),
        ({"type": "web_fetch_tool_result", "tool_use_id": "t", "content": {}}, True),
    ],
    ids=str,
)
def test_blocks_that_say_something_commit(block, content):
    assert see(type="content_block_start", index=0, content_block=block).content is content


@pytest.mark.parametrize(
    ("delta", "content"),
    [
        ({"type": "text_delta", "text": ""}, False),
        ({"type": "text_delta", "text": "x"}, True),
        ({"type": "input_json_delta", "partial_json": ""}, False),
        ({"type": "input_json_delta", "partial_json": "{"}, True),
        ({"type": "citations_delta", "citation": {"cited_text": "x"}}, True),
        (None, False),
    ],
    ids=str,
)
def test_deltas_that_say_something_commit(delta, content):
    assert see(type="content_block_delta", index=0, delta=delta).content is content


def test_the_name_of_the_event_stands_in_for_a_missing_type():
    assert see("message_stop").ended
    assert see("error", message="x").error == {"message": "x"}


def test_what_says_nothing():
    assert see(type="ping") == see(type="not_known_yet") == see(type="message_start", message=None)
    assert anthropic.StreamReader().feed(Event(b": hi\n\n", "", b"")) == see(type="ping")
    assert anthropic.StreamReader().feed(Event(b"", "", b"{")).malformed


def test_message_stop_after_an_error_is_no_proper_end():
    error = b'data: {"type":"error","error":{}}\n\n'
    assert not stream_read(anthropic, error + b'data: {"type":"message_stop"}\n\n').ended


def test_whole_answers():
    answer = anthropic.answer_read(
        b'{"type":"message","content":[{"type":"text","text":"plum"}],"usage":{"input_tokens":1}}'
    )
    assert (answer.content, answer.error, answer.usage, answer.output_bytes) == (True, None, {"input_tokens": 1}, 4)
    empty = anthropic.answer_read(b'{"type":"message","content":[],"usage":null}')
    assert (empty.content, empty.usage) == (False, None)


def test_answers_that_are_errors_or_none_at_all():
    error = b'{"type":"error","error":{"type":"api_error","message":"x"}}'
    assert anthropic.answer_read(error).error == {"type": "api_error", "message": "x"}
    assert anthropic.answer_read(b'{"type":"error"}').error == {"type": "error"}
    with pytest.raises(BodyInvalid):
        anthropic.answer_read(b"")
