"""Responses: whole answers of either protocol, and the odd ends of streams."""

import json
from typing import Any

import msgspec
import pytest

from catalog.pricing import Usage
from gateway.convert.responses import ResponsesToAnthropic, ResponsesToOpenAI
from gateway.wire import openai
from gateway.wire.body import BodyInvalid
from tests.gateway.convert.asks import (
    OPENAI_USAGE,
    USAGE_CHUNK,
    asked_make,
    call,
    events_of,
    openai_stream,
    piece,
    relayed,
)
from tests.gateway.convert.responses_read import response_read

LOOK = {"type": "function", "name": "look"}
PATCH = {"type": "custom", "name": "patch"}
SEALED = ["reasoning.encrypted_content"]


def conversion(to=ResponsesToOpenAI, **request):
    whole = {"model": "public-1", "input": "Hi", "tools": [LOOK, PATCH], **request}
    name = "upstream-1" if to is ResponsesToOpenAI else "claude-sonnet-4-5"
    return to(asked_make(whole, upstream_model=name))


def answered(message, finish="stop", usage=OPENAI_USAGE, **request):
    body = {"id": "chatcmpl-7", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}
    body |= {"usage": usage} if usage else {}
    return json.loads(conversion(**request).answer(json.dumps(body).encode()))


def tool_call(name, arguments, **more):
    return {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def test_thoughts_words_and_calls_in_their_order():
    calls = [tool_call("look", "{}"), tool_call("patch", '{"input":"x"}', id=None)]
    got = answered({"content": "Well", "reasoning_content": "Hm", "tool_calls": calls}, "tool_calls")
    thought, message, function, custom = got["output"]
    assert (got["status"], got["id"]) == ("completed", "resp_7")
    assert thought["content"] == [{"type": "reasoning_text", "text": "Hm"}]
    assert message["content"][0]["text"] == "Well"
    assert (function["type"], function["call_id"], function["arguments"]) == ("function_call", "call_1", "{}")
    assert (custom["type"], custom["input"]) == ("custom_tool_call", "x")
    assert custom["call_id"]
    assert got["usage"]["total_tokens"] == 57


def test_a_custom_call_without_its_wrapping_is_understood():
    got = answered({"content": None, "tool_calls": [tool_call("patch", "*** Begin")]}, "tool_calls")
    assert got["output"][0]["input"] == "*** Begin"


def test_a_refusal():
    got = answered({"content": None, "refusal": "No."})
    assert got["output"][0]["content"] == [{"type": "refusal", "refusal": "No."}]


@pytest.mark.parametrize(("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_an_answer_that_is_cut_says_so(finish, reason):
    got = answered({"content": "Well", "reasoning_content": "Hm"}, finish)
    assert (got["status"], got["incomplete_details"]) == ("incomplete", {"reason": reason})
    assert [item["status"] for item in got["output"]] == ["completed", "incomplete"]


def test_usage_that_is_missing_is_estimated():
    usage = answered({"content": "Well"}, usage=None)["usage"]
    assert usage["input_tokens"] > 0
    assert usage["output_tokens"] > 0


@pytest.mark.parametrize(
    "choices",
    [
        [],
        [{"index": 0, "message": {"content": "x"}, "finish_reason": "error"}],
        [{"index": 0, "message": {"tool_calls": [{"id": "c", "function": {"name": ""}}]}, "finish_reason": "stop"}],
        [{"index": 0, "message": {"tool_calls": [{"id": "c"}]}, "finish_reason": "stop"}],
    ],
)
def test_what_is_no_answer_is_refused(choices):
    with pytest.raises(BodyInvalid):
        conversion().answer(json.dumps({"id": "x", "choices": choices}).encode())


def anthropic_answered(*blocks, **request):
    body: dict[str, Any] = {
        "id": "msg_7",
        "type": "message",
        "role": "assistant",
        "content": list(blocks),
        "stop_reason": "end_turn",
    }
    body |= {"usage": {"input_tokens": 30, "output_tokens": 7}}
    return json.loads(conversion(ResponsesToAnthropic, **request).answer(json.dumps(body).encode()))


def test_signed_thoughts_of_a_whole_answer_are_sealed():
    thinking = {"type": "thinking", "thinking": "Hm", "signature": "c2ln"}
    thought, message = anthropic_answered(thinking, {"type": "text", "text": "Well"}, include=SEALED)["output"]
    assert thought["encrypted_content"].startswith("to1.")
    assert message["content"][0]["text"] == "Well"


def test_redacted_thoughts_have_no_words_and_are_kept():
    redacted = {"type": "redacted_thinking", "data": "c2VjcmV0"}
    thought, _ = anthropic_answered(redacted, {"type": "text", "text": "Well"}, include=SEALED)["output"]
    assert (thought["content"], thought["type"]) == ([], "reasoning")
    assert thought["encrypted_content"].startswith("to1.")


def streamed(*chunks, **request):
    said, ended = relayed(conversion(stream=True, **request), openai_stream(*chunks), wire=openai)
    return response_read(said, ended=ended)


def test_a_streamed_refusal():
    output = streamed(piece(refusal="N"), piece(refusal="o."), piece("stop"), USAGE_CHUNK)["output"]
    assert output[0]["content"] == [{"type": "refusal", "refusal": "No."}]


def test_streamed_thoughts_that_are_no_summary():
    output = streamed(piece(reasoning_content="H"), piece(reasoning_content="m"), piece("stop"), USAGE_CHUNK)["output"]
    assert output[0]["content"] == [{"type": "reasoning_text", "text": "Hm"}]
    assert output[0]["summary"] == []


def test_a_call_without_arguments_has_an_empty_object():
    output = streamed(call(0, "", id="call_1", name="look"), piece("tool_calls"), USAGE_CHUNK)["output"]
    assert output[0]["arguments"] == "{}"


def test_a_stream_at_its_maximum_is_incomplete():
    final = streamed(piece(content="We"), piece("length"), USAGE_CHUNK)
    assert (final["status"], final["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert final["output"][0]["status"] == "incomplete"


def test_a_stream_that_is_empty_but_proper():
    assert streamed(piece("stop"), USAGE_CHUNK)["output"] == []


def feed(stream, data):
    return b"".join([stream.feed(event, usage_only=False) for event in events_of(data)])


def test_a_ping_is_passed_on_once_the_response_began():
    stream = conversion(stream=True).stream()
    assert feed(stream, b": alive\n\n") == b""
    feed(stream, openai_stream(piece(content="We"), done=False))
    assert feed(stream, b": alive\n\n") == b": ping\n\n"


def test_an_end_before_anything_was_said_is_whole():
    stream = conversion(stream=True).stream()
    assert feed(stream, b"data: [DONE]\n\n") == b""
    final = response_read(stream.finish())
    assert (final["status"], final["output"]) == ("completed", [])


@pytest.mark.parametrize("data", [b"data: 3\n\n", b'data: {"choices":[{"delta":{},"finish_reason":"error"}]}\n\n'])
def test_what_cannot_be_read_is_never_skipped(data):
    with pytest.raises(msgspec.DecodeError):
        feed(conversion(stream=True).stream(), data)


@pytest.mark.parametrize("began", [False, True])
def test_a_stream_that_broke_says_so_twice(began):
    stream = conversion(stream=True).stream()
    said = feed(stream, openai_stream(piece(content="We"), done=False)) if began else b""
    said += feed(stream, b'data: {"error":{"message":"x"}}\n\n')
    said += stream.failed({"type": "server_error", "message": "It broke.", "param": None})
    final = response_read(said, ended=False)
    assert (final["status"], final["error"]["message"]) == ("failed", "It broke.")


def test_where_the_money_ends_the_response_is_incomplete():
    stream = conversion(stream=True).stream()
    said = feed(stream, openai_stream(piece(content="We"), done=False))
    final = response_read(said + stream.stop_short(Usage(input_tokens=40, output_tokens=6)))
    assert (final["status"], final["usage"]["total_tokens"]) == ("incomplete", 46)


def test_texts_in_a_list_of_parts_are_one_message():
    got = answered({"content": [{"type": "text", "text": "We"}, {"type": "text", "text": "ll"}]})
    assert [item["content"][0]["text"] for item in got["output"]] == ["Well"]
