"""Row 2, streams: whatever an OpenAI upstream does, an Anthropic client gets the legal grammar or no proper end."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from gateway.convert.names import ENCODED, id_to_openai
from gateway.wire import openai
from tests.gateway.convert.asks import (
    USAGE_CHUNK,
    call,
    events_of,
    message_read,
    openai_stream,
    piece,
    relayed,
    to_openai,
)
from tests.gateway.wire.streams import fixture


def message_of(*chunks, **request):
    stream, ended = relayed(to_openai(stream=True, **request), openai_stream(*chunks), wire=openai)
    assert ended
    return message_read(stream)


def inputs(message):
    return [(block["name"], block["input"]) for block in message["content"] if block["type"] == "tool_use"]


def test_text_with_usage_after_the_finish():
    role = piece(role="assistant", content="")
    message = message_of(role, piece(content="Two "), piece(content="plums"), piece("stop"), USAGE_CHUNK)
    assert message == {
        "id": "msg_chatcmpl-7",
        "type": "message",
        "role": "assistant",
        "model": "public-1",
        "content": [{"type": "text", "text": "Two plums"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 30,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 20,
            "output_tokens": 7,
        },
    }


def test_the_start_tells_an_estimate_and_pieces_go_out_as_they_come():
    stream = to_openai(stream=True, asked={"prompt_bytes": 500}).stream()
    [first, second] = events_of(openai_stream(piece(content="Two "), piece(content="plums"), done=False))
    begun = events_of(stream.feed(first, usage_only=False))
    assert [event.event for event in begun] == ["message_start", "content_block_start", "content_block_delta"]
    assert json.loads(begun[0].data)["message"]["usage"] == {
        "input_tokens": 100,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 0,
    }
    assert [event.event for event in events_of(stream.feed(second, usage_only=False))] == ["content_block_delta"]


def test_usage_that_comes_first_is_told_at_the_start():
    stream = to_openai(stream=True).stream()
    [first] = events_of(openai_stream({**piece(content="x"), "usage": USAGE_CHUNK["usage"]}, done=False))
    start = json.loads(events_of(stream.feed(first, usage_only=False))[0].data)
    assert start["message"]["usage"]["input_tokens"] == 30


@pytest.mark.parametrize(
    "hidden",
    [
        {"x_groq": {"usage": {"prompt_tokens": 9, "completion_tokens": 3}}},
        {
            "choices": [
                {
                    "index": 0,
                    "delta": {},
                    "finish_reason": "stop",
                    "usage": {"prompt_tokens": 9, "completion_tokens": 3},
                }
            ]
        },
    ],
)
def test_usage_in_hiding_places(hidden):
    usage = message_of(piece(content="x"), {**piece("stop"), **hidden})["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (9, 3)


def test_without_usage_the_estimate_is_told():
    usage = message_of(piece(content="x" * 50), piece("stop"))["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (20, 10)


@pytest.mark.parametrize(
    ("thoughts", "thought"),
    [
        ([piece(reasoning_content="Hm"), piece(reasoning_content=", so")], "Hm, so"),
        ([piece(reasoning="Hm", reasoning_details=[{"type": "reasoning.text", "text": "Hm"}])], "Hm"),
        ([piece(reasoning_details=[{"type": "reasoning.summary", "summary": "Hm"}, {"data": "x"}])], "Hm"),
        ([piece(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}, {"text": ""}]}])], "Hm"),
        ([piece(content=[{"type": "thinking", "thinking": "Hm"}])], "Hm"),
    ],
)
def test_thoughts_under_every_name_become_a_thinking_block(thoughts, thought):
    content = message_of(*thoughts, piece(content="Yes"), piece("stop"))["content"]
    assert content == [
        {"type": "thinking", "thinking": thought, "signature": ""},
        {"type": "text", "text": "Yes"},
    ]


def test_content_lists_keep_texts_and_leave_references_out():
    parts = [{"type": "text", "text": "a"}, {"type": "reference", "reference_ids": [1]}, {"type": "text", "text": ""}]
    assert message_of(piece(content=parts), piece("stop"))["content"] == [{"type": "text", "text": "a"}]
    assert message_of(piece(content=[]), piece("stop"))["content"] == []


@pytest.mark.parametrize("refusal", [piece(refusal="No."), piece(content=[{"type": "refusal", "refusal": "No."}])])
def test_a_refusal_is_said_and_named(refusal):
    message = message_of(refusal, piece("stop"))
    assert message["content"] == [{"type": "text", "text": "No."}]
    assert message["stop_reason"] == "refusal"


@pytest.mark.parametrize(
    ("finish", "stop_reason"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("content_filter", "refusal"),
        ("eos", "end_turn"),
        ("tool_calls", "end_turn"),
    ],
)
def test_stop_reasons(finish, stop_reason):
    assert message_of(piece(content="x"), piece(finish))["stop_reason"] == stop_reason


def test_a_call_is_sent_as_it_comes():
    stream = to_openai(stream=True).stream()
    chunks = [call(0, "", id="call_1", name="look"), call(0, '{"at'), call(0, '": 1}')]
    said = [stream.feed(event, usage_only=False) for event in events_of(openai_stream(*chunks, done=False))]
    assert [event.event for event in events_of(said[0])] == ["message_start", "content_block_start"]
    assert [json.loads(events_of(one)[0].data)["delta"]["partial_json"] for one in said[1:]] == ['{"at', '": 1}']


CALLS = {
    "in_order": [call(0, "", id="a", name="x"), call(0, '{"n":1}'), call(1, "", id="b", name="y"), call(1, '{"n":2}')],
    "interleaved": [
        call(0, "", id="a", name="x"),
        call(1, "", id="b", name="y"),
        call(0, '{"n"'),
        call(1, '{"n":'),
        call(0, ":1}"),
        call(1, "2}"),
    ],
    "index_from_one": [call(1, '{"n":1}', id="a", name="x"), call(2, '{"n":2}', id="b", name="y")],
    "whole_in_one_chunk": [
        piece(
            tool_calls=[
                {"index": 0, "id": "a", "function": {"name": "x", "arguments": '{"n":1}'}},
                {"index": 1, "id": "b", "function": {"name": "y", "arguments": '{"n":2}'}},
            ]
        ),
    ],
    "all_called_zero": [call(0, '{"n":1}', id="a", name="x"), call(0, '{"n":2}', id="b", name="y")],
    "all_called_zero_without_ids": [call(0, '{"n":1}', name="x"), call(0, '{"n":2}', name="y")],
    "id_and_name_in_every_piece": [
        call(0, '{"n"', id="a", name="x"),
        call(0, ":1}", id="a", name="x"),
        call(1, '{"n":2}', id="b", name="y"),
    ],
    "without_index": [call(None, '{"n"', id="a", name="x"), call(None, ":1}"), call(None, '{"n":2}', id="b", name="y")],
    "without_index_and_id": [call(None, '{"n":1}', name="x"), call(None, '{"n":', name="y"), call(None, "2}")],
    "objects": [call(0, {"n": 1}, id="a", name="x"), call(1, {"n": 2}, id="b", name="y")],
    "name_after_the_id": [call(0, '{"n"', id="a"), call(0, ":1}", name="x"), call(1, '{"n":2}', id="b", name="y")],
    "first_left_open": [
        call(0, '{"n":1', id="a", name="x"),
        call(1, '{"n":2}', id="b", name="y"),
        call(0, "}"),
        call(0, " "),
    ],
    "text_in_between": [
        call(0, '{"n":1', id="a", name="x"),
        piece(content="and"),
        call(0, "}"),
        call(1, '{"n":2}', id="b", name="y"),
    ],
}


@pytest.mark.parametrize("case", CALLS)
def test_calls_of_every_form(case):
    message = message_of(*CALLS[case], piece("tool_calls"))
    assert inputs(message) == [("x", {"n": 1}), ("y", {"n": 2})]
    assert message["stop_reason"] == "tool_use"
    ids = [block["id"] for block in message["content"] if block["type"] == "tool_use"]
    assert len(set(ids)) == 2
    if '"id"' in json.dumps(CALLS[case]):
        assert ids == ["a", "b"]


def test_calls_without_arguments_have_an_empty_input():
    assert inputs(message_of(call(0, "", id="a", name="x"), piece("stop"))) == [("x", {})]
    assert message_of(call(0, id="a", name="x"), piece("stop"))["stop_reason"] == "tool_use"


def test_the_legacy_call():
    chunks = [piece(function_call={"name": "x", "arguments": ""}), piece(function_call={"arguments": '{"n":1}'})]
    message = message_of(*chunks, piece("function_call"))
    assert inputs(message) == [("x", {"n": 1})]
    assert message["stop_reason"] == "tool_use"


def test_an_empty_legacy_call_beside_others_is_nothing():
    both = piece(
        function_call={"name": "", "arguments": ""}, tool_calls=[{"index": 0, "id": "a", "function": {"name": "x"}}]
    )
    assert inputs(message_of(both, piece("tool_calls"))) == [("x", {})]


def test_freeform_calls_are_left_out():
    assert inputs(message_of(piece(tool_calls=[{"index": 0, "custom": {}}]), piece("stop"))) == []


def test_ids_with_letters_of_their_own_come_back_as_they_were():
    message = message_of(call(0, "{}", id="functions.look:0", name="look"), piece("tool_calls"))
    [block] = message["content"]
    assert block["id"].startswith(ENCODED)
    assert id_to_openai(block["id"]) == "functions.look:0"


def test_made_ids_differ_between_answers():
    made = [
        message_of({**call(0, "{}", name="x"), "id": f"chatcmpl-{number}"}, piece("stop"))["content"][0]["id"]
        for number in range(2)
    ]
    assert made[0] != made[1]


def test_long_names_come_back():
    long = "mcp__" + "server" * 12 + "__look"
    tools = [{"name": long, "input_schema": {"type": "object"}}]
    conversion = to_openai(stream=True, tools=tools)
    short = json.loads(conversion.body)["tools"][0]["function"]["name"]
    assert len(short) == 64
    stream, _ = relayed(conversion, openai_stream(call(0, "{}", id="a", name=short), piece("tool_calls")), wire=openai)
    assert message_read(stream)["content"][0]["name"] == long


def test_repeated_finishes_and_comments():
    comment = b": PROCESSING\n\n"
    chunks: list[Mapping[str, Any] | bytes] = [
        comment,
        piece(content="x"),
        comment,
        piece("stop"),
        {**piece("stop", content=""), "usage": USAGE_CHUNK["usage"]},
    ]
    stream, ended = relayed(to_openai(stream=True), openai_stream(*chunks), wire=openai)
    assert ended
    assert message_read(stream)["usage"]["output_tokens"] == 7
    assert [event.event for event in events_of(stream)].count("ping") == 1


def test_a_stream_without_content_is_an_empty_message():
    stream = to_openai(stream=True).stream()
    assert message_read(stream.finish())["content"] == []


@pytest.mark.parametrize("name", ["cut", "no_finish", "error_after_content"])
def test_no_proper_end_is_made_up(name):
    stream, ended = relayed(to_openai(stream=True), fixture("openai_chat", name), wire=openai)
    assert not ended
    message = message_read(stream, ended=False)
    assert message["stop_reason"] is None


@pytest.mark.parametrize("name", ["text", "tools", "reasoning", "crlf"])
def test_our_own_fixtures(name):
    stream, ended = relayed(to_openai(stream=True), fixture("openai_chat", name), wire=openai)
    assert ended
    assert message_read(stream)["content"]
    assert b"upstream" not in stream


@pytest.mark.parametrize(
    "error",
    [
        b'data: {"error": {"message": "no"}}\n\n',
        b'event: error\ndata: {"message": "no"}\n\n',
        b'data: {"object": "error"}\n\n',
    ],
)
def test_errors_are_left_to_the_relay(error):
    [event] = events_of(error)
    assert to_openai(stream=True).stream().feed(event, usage_only=False) == b""


@pytest.mark.parametrize(
    "chunks",
    [
        [b"data: {broken\n\n"],
        [b"data: [1]\n\n"],
        [piece("error")],
        [call(0, "{}", id="a"), piece("tool_calls")],
        [call(0, "{}", id="a", name="x"), call(1, "{}", id="b", name="y"), call(0, '{"late": 1}')],
    ],
)
def test_what_cannot_be_read_ends_the_call(chunks: list[Any]):
    stream = to_openai(stream=True).stream()
    events = events_of(openai_stream(*chunks, done=False))
    for event in events[:-1]:
        stream.feed(event, usage_only=False)
    with pytest.raises(msgspec.DecodeError):
        stream.feed(events[-1], usage_only=False)


def test_other_choices_are_not_shown():
    second = {"choices": [{"index": 1, "delta": {"content": "other"}, "finish_reason": None}]}
    stream = to_openai(stream=True).stream()
    said = b"".join(
        stream.feed(e, usage_only=False) for e in events_of(openai_stream(piece(content="x"), second, done=False))
    )
    assert b"other" not in said
