"""Whole answers in both directions."""

import json

import pytest

from gateway.wire.body import BodyInvalid
from tests.gateway.convert.asks import OPENAI_USAGE, to_anthropic, to_openai


def completion(message, finish="stop", **more):
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return json.dumps({"id": "chatcmpl-7", "model": "upstream-1", "choices": [choice], **more}).encode()


def message_of(message, finish="stop", **more):
    return json.loads(to_openai().answer(completion(message, finish, **more)))


def called(*functions, **more):
    return [{"id": f"call_{at}", "type": "function", "function": one, **more} for at, one in enumerate(functions)]


def test_to_anthropic_a_whole_message():
    calls = called({"name": "look", "arguments": '{"at": 1.0}'}, {"name": "seek", "arguments": ""})
    said = {"content": "Let me see", "reasoning_content": "Hm", "tool_calls": calls}
    assert message_of(said, "tool_calls", usage=OPENAI_USAGE) == {
        "id": "msg_chatcmpl-7",
        "type": "message",
        "role": "assistant",
        "model": "public-1",
        "content": [
            {"type": "thinking", "thinking": "Hm", "signature": ""},
            {"type": "text", "text": "Let me see"},
            {"type": "tool_use", "id": "call_0", "name": "look", "input": {"at": 1.0}},
            {"type": "tool_use", "id": "call_1", "name": "seek", "input": {}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 30,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 20,
            "output_tokens": 7,
        },
    }


@pytest.mark.parametrize(
    ("message", "finish", "stop_reason"),
    [
        ({"content": "x"}, "stop", "end_turn"),
        ({"content": "x"}, None, "end_turn"),
        ({"content": "x"}, "", "end_turn"),
        ({"content": "x"}, "length", "max_tokens"),
        ({"content": ""}, "content_filter", "refusal"),
        ({"content": None, "refusal": "No."}, "stop", "refusal"),
        ({"content": None, "tool_calls": called({"name": "look", "arguments": "{}"})}, "stop", "tool_use"),
        ({"content": None, "tool_calls": called({"name": "look", "arguments": "{}"})}, "length", "max_tokens"),
        ({"content": None, "function_call": {"name": "look", "arguments": "{}"}}, "function_call", "tool_use"),
    ],
)
def test_to_anthropic_stop_reasons(message, finish, stop_reason):
    assert message_of(message, finish)["stop_reason"] == stop_reason


def test_to_anthropic_lists_of_content_and_thoughts_keep_their_order():
    content = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "H"}, {"type": "text", "text": "m"}]},
        {"type": "text", "text": "Yes"},
        {"type": "text", "text": "!"},
    ]
    assert message_of({"content": content})["content"] == [
        {"type": "thinking", "thinking": "Hm", "signature": ""},
        {"type": "text", "text": "Yes!"},
    ]


def test_to_anthropic_arguments_that_are_no_object_are_kept():
    calls = called({"name": "look", "arguments": '{"at'})
    [block] = message_of({"content": None, "tool_calls": calls}, "length")["content"]
    assert block["input"] == {"INVALID_JSON": '{"at'}


def test_to_anthropic_numbers_of_arguments_are_not_touched():
    calls = called({"name": "look", "arguments": '{"at": 1.50, "n": 123456789012345678901234567890}'})
    assert b'{"at": 1.50, "n": 123456789012345678901234567890}' in to_openai().answer(completion({"tool_calls": calls}))


def test_to_anthropic_reasoning_tokens_and_written_cache():
    details = {"prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2}}
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "completion_tokens_details": {"reasoning_tokens": 4},
        **details,
    }
    assert message_of({"content": "x"}, usage=usage)["usage"] == {
        "input_tokens": 5,
        "cache_creation_input_tokens": 2,
        "cache_read_input_tokens": 3,
        "output_tokens": 5,
        "output_tokens_details": {"thinking_tokens": 4},
    }


def test_to_anthropic_ids_where_there_are_none():
    bare = {"name": "look", "arguments": {"at": 1}}
    body = json.dumps({"choices": [{"message": {"tool_calls": [{"function": bare}, {"function": bare}]}}]}).encode()
    message = json.loads(to_openai().answer(body))
    assert message["id"].startswith("msg_")
    assert message["content"][0]["id"] != message["content"][1]["id"]
    assert message["content"][0]["input"] == {"at": 1}


def test_to_anthropic_text_completions_and_their_own_ids():
    body = json.dumps({"id": "msg_1", "choices": [{"text": "x", "finish_reason": "stop"}]}).encode()
    message = json.loads(to_openai().answer(body))
    assert (message["id"], message["content"]) == ("msg_1", [{"type": "text", "text": "x"}])


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"{}",
        b'{"choices": []}',
        b'{"choices": [{"index": 1, "message": {"content": "x"}}]}',
        completion({"content": "x"}, "error"),
        completion({"tool_calls": called({"arguments": "{}"})}),
        completion({"tool_calls": [{"id": "a", "custom": {}}]}),
    ],
)
def test_to_anthropic_no_answer_is_made_up(body):
    with pytest.raises(BodyInvalid):
        to_openai().answer(body)


def anthropic_answer(*content, stop_reason="end_turn", **more):
    usage = {"input_tokens": 30, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 5, "output_tokens": 7}
    answer = {"id": "msg_7", "type": "message", "model": "upstream-1", "content": content, "stop_reason": stop_reason}
    return json.dumps({**answer, "usage": usage, **more}).encode()


def completion_of(*content, request=None, **more):
    return json.loads(to_anthropic(**(request or {})).answer(anthropic_answer(*content, **more)))


def text(said):
    return {"type": "text", "text": said}


def use(name="look", call_id="toolu_1", **given):
    return {"type": "tool_use", "id": call_id, "name": name, "input": given}


def test_to_openai_a_whole_completion():
    thought = {"type": "thinking", "thinking": "Hm", "signature": "c2ln"}
    assert completion_of(thought, text("Let me "), text("see"), use(at=1), stop_reason="tool_use") == {
        "id": "chatcmpl-msg_7",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": "public-1",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Let me see",
                    "refusal": None,
                    "tool_calls": [
                        {"id": "toolu_1", "type": "function", "function": {"name": "look", "arguments": '{"at":1}'}}
                    ],
                    "reasoning_content": "Hm",
                    "reasoning_details": [
                        {
                            "type": "reasoning.text",
                            "text": "Hm",
                            "signature": "c2ln",
                            "format": "anthropic-claude-v1",
                            "index": 0,
                            "model": "public-1",
                        }
                    ],
                },
                "logprobs": None,
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {
            "prompt_tokens": 55,
            "completion_tokens": 7,
            "total_tokens": 62,
            "prompt_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 5},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }


def test_to_openai_what_the_provider_did_itself_is_not_the_clients_call():
    own = [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        {"type": "mcp_tool_use", "id": "m", "name": "echo", "input": {}},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "thinking", "thinking": ""},
    ]
    [choice] = completion_of(*own, text("So"), stop_reason="tool_use")["choices"]
    assert choice["finish_reason"] == "stop"
    assert set(choice["message"]) == {"role", "content", "refusal", "reasoning_details"}


def test_to_openai_calls_alone_have_no_content():
    [choice] = completion_of(use(), stop_reason="tool_use")["choices"]
    assert choice["message"]["content"] is None
    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_to_openai_long_names_come_back():
    conversion = to_anthropic(tools=[{"type": "function", "function": {"name": "files.read"}}])
    short = json.loads(conversion.body)["tools"][0]["name"]
    answer = json.loads(conversion.answer(anthropic_answer(use(short), stop_reason="tool_use")))
    assert answer["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "files.read"


def test_to_openai_functions_get_a_function_call():
    [choice] = completion_of(use(at=1), stop_reason="tool_use", request={"functions": [{"name": "look"}]})["choices"]
    assert choice["message"]["function_call"] == {"name": "look", "arguments": '{"at":1}'}
    assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] == "function_call"


def test_to_openai_a_forced_tool_is_the_answer_itself():
    form = {"type": "json_schema", "json_schema": {"name": "a"}}
    request = {"upstream_model": "claude-3-haiku-20240307", "response_format": form}
    [choice] = completion_of(use("structured_answer", at=1), stop_reason="tool_use", request=request)["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ('{"at":1}', "stop")


def test_to_openai_refusals_say_why():
    why = {"type": "refusal", "explanation": "Not that."}
    [choice] = completion_of(stop_reason="refusal", stop_details=why)["choices"]
    assert (choice["message"]["refusal"], choice["finish_reason"]) == ("Not that.", "content_filter")
    [choice] = completion_of(stop_reason="refusal", stop_details={"type": "refusal", "explanation": None})["choices"]
    assert choice["message"]["refusal"] is None


def test_to_openai_without_usage_the_estimate_is_told():
    assert completion_of(text("x" * 50), usage=None)["usage"]["completion_tokens"] == 10


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"content": "x"}'])
def test_to_openai_no_answer_is_made_up(body):
    with pytest.raises(BodyInvalid):
        to_anthropic().answer(body)
