"""Row 3, streams: an Anthropic upstream's events as legal chunks, or no proper end."""

import json

import msgspec
import pytest

from gateway.wire import anthropic
from tests.gateway.convert.asks import (
    START,
    STOP,
    anthropic_stream,
    call_block,
    completion_read,
    delta,
    end,
    events_of,
    relayed,
    start,
    stop,
    text_block,
    to_anthropic,
)
from tests.gateway.wire.streams import fixture

SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}


def completion_of(*events, include_usage=True, **request):
    conversion = to_anthropic(stream=True, asked={"include_usage": include_usage}, **request)
    stream, ended = relayed(conversion, anthropic_stream(START, *events, STOP), wire=anthropic)
    assert ended
    return completion_read(stream, include_usage=include_usage)


def test_text_with_usage():
    read = completion_of(*text_block(0, "Two ", "plums"), end())
    assert read == {
        "head": {
            "id": "chatcmpl-msg_7",
            "object": "chat.completion.chunk",
            "created": 1_790_000_000,
            "model": "public-1",
        },
        "message": {"role": "assistant", "content": "Two plums", "tool_calls": []},
        "finish_reason": "stop",
        "usage": {
            "prompt_tokens": 50,
            "completion_tokens": 7,
            "total_tokens": 57,
            "prompt_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }


def test_usage_only_where_it_was_asked_for():
    assert completion_of(*text_block(0, "x"), end(), include_usage=False)["usage"] is None


def test_without_usage_the_estimate_is_told():
    begin = {"type": "message_start", "message": {"id": "m"}}
    over = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    bare = anthropic_stream(begin, *text_block(0, "x" * 50), over, STOP)
    stream, _ = relayed(to_anthropic(stream=True), bare, wire=anthropic)
    assert completion_read(stream)["usage"]["completion_tokens"] == 10


def test_calls_are_numbered_among_themselves():
    read = completion_of(
        *text_block(0, "Let me see"),
        *text_block(1, "."),
        *call_block(2, "look", "", '{"at', '": 1}', call_id="toolu_1"),
        *call_block(3, "seek", call_id="toolu_2"),
        end("tool_use"),
    )
    assert read["message"]["content"] == "Let me see."
    assert read["message"]["tool_calls"] == [
        {"id": "toolu_1", "name": "look", "arguments": '{"at": 1}'},
        {"id": "toolu_2", "name": "seek", "arguments": "{}"},
    ]
    assert read["finish_reason"] == "tool_calls"


def test_a_whole_input_in_the_start_of_its_block():
    block = [start(0, type="tool_use", id="t", name="look", input={"at": 1}), stop(0)]
    [call] = completion_of(*block, end("tool_use"))["message"]["tool_calls"]
    assert json.loads(call["arguments"]) == {"at": 1}


def test_what_the_provider_did_itself_is_not_the_clients_call():
    served = [
        start(0, type="server_tool_use", id="s", name="web_search", input={}),
        delta(0, "input_json_delta", partial_json='{"q":1}'),
        stop(0),
    ]
    found = [start(1, type="web_search_tool_result", tool_use_id="s", content=[]), stop(1)]
    mcp = [start(2, type="mcp_tool_use", id="m", name="echo", input={}), stop(2)]
    cited = [start(3, type="text", text="So"), delta(3, "citations_delta", citation={"cited_text": "x"}), stop(3)]
    read = completion_of(*served, *found, *mcp, *cited, end("tool_use"))
    assert read["message"]["tool_calls"] == []
    assert read["message"]["content"] == "So"
    assert read["finish_reason"] == "stop"


def test_thoughts_and_their_signature():
    thought = [
        start(0, type="thinking", thinking="", signature=""),
        delta(0, "thinking_delta", thinking="Hm"),
        delta(0, "thinking_delta", thinking=", so"),
        delta(0, "signature_delta", signature="c2ln"),
        stop(0),
    ]
    hidden = [start(1, type="redacted_thinking", data="ZGF0YQ"), stop(1)]
    message = completion_of(*thought, *hidden, *text_block(2, "Yes"), end())["message"]
    assert (message["reasoning_content"], message["content"]) == ("Hm, so", "Yes")
    signed = {"format": "anthropic-claude-v1", "model": "public-1"}
    assert message["reasoning_details"] == [
        {"type": "reasoning.text", "text": "Hm, so", "signature": "c2ln", **signed, "index": 0},
        {"type": "reasoning.encrypted", "data": "ZGF0YQ", **signed, "index": 1},
    ]


def test_thoughts_without_a_signature_leave_no_detail():
    thought = [start(0, type="thinking", thinking="Hm"), delta(0, "thinking_delta", thinking=""), stop(0)]
    message = completion_of(*thought, end())["message"]
    assert message["reasoning_content"] == "Hm"
    assert "reasoning_details" not in message


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("something_new", "stop"),
    ],
)
def test_finish_reasons(reason, finish):
    assert completion_of(*text_block(0, "x"), end(reason))["finish_reason"] == finish


def test_a_refusal_says_why():
    why = {"type": "refusal", "category": "cyber", "explanation": "Not that."}
    read = completion_of(*text_block(0), end("refusal", stop_details=why))
    assert read["message"]["refusal"] == "Not that."
    assert read["finish_reason"] == "content_filter"


def test_functions_get_a_function_call():
    read = completion_of(*call_block(0, "look", '{"at": 1}'), end("tool_use"), functions=[{"name": "look"}])
    assert read["message"]["function_call"] == {"name": "look", "arguments": '{"at": 1}'}
    assert read["message"]["tool_calls"] == []
    assert read["finish_reason"] == "function_call"


def test_a_forced_tool_is_the_answer_itself():
    events = [*call_block(0, "structured_answer", '{"a"', ": 1}"), end("tool_use")]
    read = completion_of(*events, upstream_model="claude-3-haiku-20240307", response_format=SCHEMA)
    assert read["message"]["content"] == '{"a": 1}'
    assert read["message"]["tool_calls"] == []
    assert read["finish_reason"] == "stop"


def test_pings_and_comments_keep_the_connection_alive():
    comment = b": hello\n\n"
    ping = {"type": "ping"}
    events = anthropic_stream(comment, ping, START, comment, ping, *text_block(0, "x"), end(), STOP)
    stream, _ = relayed(to_anthropic(stream=True), events, wire=anthropic)
    assert stream.count(b": ping\n\n") == 2
    assert stream.startswith(b"data: ")
    assert completion_read(stream)["message"]["content"] == "x"


def test_events_that_are_not_known_are_left_out():
    events = [
        {"type": "content_block_celebrate"},
        START,
        *text_block(0, "x"),
        {"type": "content_block_stop", "index": 9},
        end(),
    ]
    assert completion_of(*events)["message"]["content"] == "x"
    assert completion_of(delta_less := {"type": "message_delta"}, *text_block(0), delta_less)["finish_reason"] == "stop"


def test_the_role_comes_first_even_without_a_start():
    stream, ended = relayed(
        to_anthropic(stream=True), anthropic_stream(*text_block(0, "x"), end(), STOP), wire=anthropic
    )
    assert ended
    assert completion_read(stream)["message"] == {"role": "assistant", "content": "x", "tool_calls": []}


@pytest.mark.parametrize("name", ["cut", "no_stop", "error_after_content"])
def test_no_proper_end_is_made_up(name):
    stream, ended = relayed(to_anthropic(stream=True), fixture("anthropic_messages", name), wire=anthropic)
    assert not ended
    completion_read(stream, ended=False)


def test_an_error_first_gives_nothing():
    stream, ended = relayed(to_anthropic(stream=True), fixture("anthropic_messages", "error_first"), wire=anthropic)
    assert (stream, ended) == (b"", False)


@pytest.mark.parametrize("name", ["text", "tools"])
def test_our_own_fixtures(name):
    stream, ended = relayed(to_anthropic(stream=True), fixture("anthropic_messages", name), wire=anthropic)
    assert ended
    message = completion_read(stream)["message"]
    assert message["content"] or message["tool_calls"]


@pytest.mark.parametrize(
    "event", [b"data: {broken\n\n", b"data: 1\n\n", anthropic_stream(delta(4, "text_delta", text="x"))]
)
def test_what_cannot_be_read_ends_the_call(event):
    [broken] = events_of(event)
    with pytest.raises(msgspec.DecodeError):
        to_anthropic(stream=True).stream().feed(broken, usage_only=False)
