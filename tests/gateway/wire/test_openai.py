"""OpenAI Chat Completions: what is read of requests, streams and answers, and what is sent on."""

import json

import pytest

from catalog.pricing import Usage
from gateway.wire import openai
from gateway.wire.body import BodyInvalid, members_decode
from gateway.wire.sse import Event
from tests.gateway.wire.streams import fixture, stream_read

HELLO = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


def read(**members):
    return openai.request_read(members_decode(json.dumps({**HELLO, **members}).encode()))


def sent(*, upstream_model="up", max_output_tokens=None, **members):
    body = openai.request_upstream(
        members_decode(json.dumps({**HELLO, **members}).encode()),
        upstream_model=upstream_model,
        max_output_tokens=max_output_tokens,
    )
    return json.loads(body)


def test_a_plain_request():
    request = read()
    assert (request.model, request.stream, request.max_output_tokens) == ("m", False, None)
    assert (request.n, request.include_usage) == (1, False)
    assert request.prompt_text_bytes <= request.prompt_tokens_bound


@pytest.mark.parametrize(
    ("members", "maximum"),
    [
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 7}, 7),
        ({"max_tokens": 5, "max_completion_tokens": 7}, 7),
        ({"max_tokens": None}, None),
        ({"max_tokens": None, "max_completion_tokens": 9}, 9),
    ],
)
def test_the_larger_maximum_bounds_the_output(members, maximum):
    assert read(**members).max_output_tokens == maximum


@pytest.mark.parametrize(
    ("members", "asked"),
    [
        ({"stream": True, "stream_options": {"include_usage": True}}, True),
        ({"stream": True, "stream_options": {"include_usage": False}}, False),
        ({"stream": True, "stream_options": None}, False),
        ({"stream": True}, False),
        ({"stream": False, "stream_options": {"include_usage": True}}, False),
    ],
)
def test_whether_the_client_asked_for_usage(members, asked):
    assert read(**members).include_usage is asked


def wrong(field, *values):
    return [(field, value) for value in values]


WRONG_COUNTS: list[object] = [-1, 0, 2**63, "5", 1.5, 1e308, True, [], {}]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *wrong("model", None, 5, "", "  ", [], {}, True, "a\x00b", "a\r\nb", "x" * 257),
        *wrong("messages", None, [], {}, "hello", 5, ["hello"], [{"content": "x"}], [{"role": 1}]),
        *wrong("max_tokens", *WRONG_COUNTS),
        *wrong("max_completion_tokens", *WRONG_COUNTS),
        *wrong("n", *WRONG_COUNTS, 10**6),
        *wrong("stream", "true", 1, 0, [], {}),
        *wrong("stream_options", "x", 1, [], {"include_usage": "yes"}),
        *wrong("tools", "x", 1, {}, ["x"]),
    ],
    ids=repr,
)
def test_a_wrong_field_is_refused_by_name(field, value):
    with pytest.raises(BodyInvalid, match=field) as refused:
        read(**{field: value})
    assert refused.value.param == field


@pytest.mark.parametrize("field", ["model", "messages"])
def test_a_missing_field_is_refused_by_name(field):
    members = {name: value for name, value in HELLO.items() if name != field}
    with pytest.raises(BodyInvalid, match=f"{field} is missing"):
        openai.request_read(members_decode(json.dumps(members).encode()))


@pytest.mark.parametrize("field", ["messages", "tools", "stream_options"])
def test_a_field_that_is_too_deep_is_refused(field):
    from msgspec import Raw  # noqa: PLC0415 -- only here

    members = members_decode(json.dumps(HELLO).encode())
    members[field] = Raw(b'[{"role":"user","type":' + b"[" * 100_000 + b"]" * 100_000 + b"}]")
    with pytest.raises(BodyInvalid):
        openai.request_read(members)


@pytest.mark.parametrize(
    "row", [row for row in openai.CHARGED_FIELDS if row.neutral is None], ids=lambda row: row.field
)
def test_fields_that_change_the_answer_and_the_bill_are_refused(row):
    value = {
        "modalities": ["text", "audio"],
        "audio": {"voice": "alloy", "format": "wav"},
        "web_search_options": {},
        "search_parameters": {"mode": "auto"},
        "enable_search": True,
        "plugins": [{"id": "web"}],
        "models": ["dearer/model"],
        "provider": {"order": ["dear"]},
    }[row.field]
    with pytest.raises(BodyInvalid, match=f"{row.field} is not available here: {row.why}") as refused:
        read(**{row.field: value})
    assert refused.value.param == row.field
    assert read(**{row.field: None}).model == "m"


@pytest.mark.parametrize(
    ("field", "value", "neutral"),
    [
        ("service_tier", "priority", "default"),
        ("service_tier", "flex", "default"),
        ("service_tier", 5, "default"),
        ("service_tier", "auto", "auto"),
        ("service_tier", "default", "default"),
        ("service_tier", None, None),
        ("prediction", {"type": "content", "content": "x"}, ...),
        ("modalities", ["text"], ["text"]),
        ("search_parameters", {"mode": "off"}, {"mode": "off"}),
        ("plugins", [], []),
    ],
)
def test_fields_that_only_tune_become_neutral(field, value, neutral):
    read(**{field: value})
    assert sent(**{field: value}).get(field, ...) == neutral


@pytest.mark.parametrize("kind", ["web_search", "openrouter:web_search", "builtin_function", "mcp", 5, {}])
def test_tools_that_the_upstream_runs_are_refused(kind):
    with pytest.raises(BodyInvalid, match="Tools of type"):
        read(tools=[{"type": "function", "function": {"name": "mine"}}, {"type": kind}])


def test_tools_of_the_client_pass():
    assert read(tools=[{"type": "function", "function": {"name": "f"}}, {"type": "custom"}, {"name": "bare"}]).model


def test_spoken_input_is_refused():
    part = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    with pytest.raises(BodyInvalid, match="audio"):
        read(messages=[{"role": "user", "content": [part]}])


def test_the_upstream_gets_its_own_model_name_and_everything_else_as_it_was():
    body = b'{ "zebra" : 1.50, "model":"m","messages" :[{"role":"user","content":"h\\u0069"}],"a\\u0062":[ 1 ] }'
    assert openai.request_upstream(members_decode(body), upstream_model='u"p') == (
        b'{"zebra":1.50,"model":"u\\"p","messages":[{"role":"user","content":"h\\u0069"}],"ab":[ 1 ]}'
    )


@pytest.mark.parametrize(
    ("options", "upstream"),
    [
        (None, {"include_usage": True}),
        ({"include_usage": False, "x": 1}, {"include_usage": True, "x": 1}),
        ({"include_usage": True, "include_obfuscation": False}, {"include_usage": True, "include_obfuscation": False}),
    ],
)
def test_usage_is_always_asked_for_in_streams(options, upstream):
    assert sent(stream=True, stream_options=options)["stream_options"] == upstream
    assert sent(stream=False).get("stream_options", ...) is ...


@pytest.mark.parametrize(
    ("members", "maxima"),
    [
        ({}, {"max_tokens": 3}),
        ({"max_tokens": 9}, {"max_tokens": 3}),
        ({"max_completion_tokens": 9}, {"max_completion_tokens": 3}),
        ({"max_tokens": 9, "max_completion_tokens": 8}, {"max_tokens": 3, "max_completion_tokens": 3}),
    ],
)
def test_our_maximum_goes_where_the_client_put_its_own(members, maxima):
    body = sent(max_output_tokens=3, **members)
    assert {name: value for name, value in body.items() if name.startswith("max_")} == maxima


CASES = {
    # name: (ended, first event with content, bytes of output, usage, errors)
    "text": (True, 1, 9, Usage(input_tokens=21, output_tokens=6), 0),
    "tools": (True, 1, 28, Usage(input_tokens=16, cache_read_tokens=64, output_tokens=30), 0),
    "reasoning": (True, 2, 15, Usage(input_tokens=9, output_tokens=12, reasoning_tokens=7), 0),
    "error_after_content": (False, 1, 3, None, 1),
    "cut": (False, 1, 13, None, 0),
    "no_finish": (False, 1, 3, None, 0),
    "crlf": (True, 0, 21, None, 0),
    "two_choices": (False, 0, 2, None, 0),
}


@pytest.mark.parametrize("name", CASES)
def test_streams(name):
    ended, first_content, output_bytes, usage, errors = CASES[name]
    read = stream_read(openai, fixture("openai_chat", name))
    assert (read.ended, read.first_content, read.meter.usage, len(read.errors)) == (
        ended,
        first_content,
        usage,
        errors,
    )
    assert read.output_bytes == output_bytes
    assert read.meter.flags == frozenset()


def chunk(**members):
    return openai.StreamReader().feed(Event(b"", "", json.dumps(members).encode()))


def delta(**members):
    return chunk(choices=[{"index": 0, "delta": members, "finish_reason": None}])


@pytest.mark.parametrize(
    "members",
    [
        {"content": "x"},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "x"}]}]},
        {"reasoning": "x"},
        {"reasoning_content": "x", "content": ""},
        {"tool_calls": [{"index": 0, "function": {"arguments": "x"}}]},
        {"function_call": {"arguments": "x"}},
        {"refusal": "x"},
    ],
    ids=str,
)
def test_output_commits(members):
    seen = delta(**members)
    assert seen.content
    assert seen.output_bytes == 1


@pytest.mark.parametrize(
    "members",
    [{}, {"role": "assistant"}, {"role": "assistant", "content": ""}, {"content": None, "tool_calls": []}],
    ids=str,
)
def test_silence_does_not_commit(members):
    assert not delta(**members).content


def test_reasoning_under_two_names_counts_once():
    assert delta(reasoning="abc", reasoning_details=[{"type": "reasoning.text", "text": "abc"}]).output_bytes == 3


@pytest.mark.parametrize(
    "members",
    [
        {"error": {"message": "x"}},
        {"error": "x"},
        {"error": {}},
        {"object": "error", "message": "x"},
        {"choices": [{"delta": {"content": ""}}], "error": {"code": 400, "message": "x"}, "usage": {"a": 1}},
    ],
    ids=str,
)
def test_errors_in_any_form(members):
    seen = chunk(**members)
    assert seen.error is not None
    assert not seen.usage_only


def test_an_event_named_error_is_one():
    seen = openai.StreamReader().feed(Event(b"", "error", b'{"message":"x"}'))
    assert seen.error == {"message": "x"}


def test_done_after_an_error_is_no_proper_end():
    finished = b'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n'
    assert stream_read(openai, finished + b"data: [DONE]\n\n").ended
    assert not stream_read(openai, finished + b'data: {"error":"x"}\n\ndata: [DONE]\n\n').ended


@pytest.mark.parametrize("data", [b"{", b"[]", b"5", b"\xff", b"[" * 100_000], ids=lambda data: repr(data[:5]))
def test_what_is_no_object_is_told_apart(data):
    assert openai.StreamReader().feed(Event(b"", "", data)).malformed


@pytest.mark.parametrize(
    ("members", "usage_only"),
    [
        ({"choices": [], "usage": {"prompt_tokens": 1}}, True),
        ({"usage": {"prompt_tokens": 1}}, True),
        ({"choices": [], "usage": None, "prompt_filter_results": []}, False),
        ({"choices": [], "usage": {}}, False),
        ({"choices": [{"delta": {}}], "usage": {"prompt_tokens": 1}}, False),
    ],
    ids=str,
)
def test_the_usage_chunk_is_known_from_others(members, usage_only):
    assert chunk(**members).usage_only is usage_only


@pytest.mark.parametrize(
    "members",
    [
        {"usage": {"prompt_tokens": 1}},
        {"x_groq": {"usage": {"prompt_tokens": 1}}},
        {"choices": [{"delta": {}, "usage": {"prompt_tokens": 1}}]},
        {"usage": None, "x_groq": {"usage": {"prompt_tokens": 1}}},
    ],
    ids=str,
)
def test_usage_is_found_where_providers_hide_it(members):
    assert chunk(**members).usage == {"prompt_tokens": 1}


def test_a_whole_answer():
    answer = openai.answer_read(
        json.dumps(
            {
                "choices": [
                    {"message": {"role": "assistant", "content": "plüm", "refusal": None}},
                    {"message": {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f"}}]}},
                    {"text": "old"},
                ],
                "usage": {"prompt_tokens": 1},
            }
        ).encode()
    )
    assert (answer.content, answer.error, answer.usage) == (True, None, {"prompt_tokens": 1})
    assert answer.output_bytes == 5 + 1 + 3


def test_an_answer_that_is_an_error_or_none_at_all():
    assert openai.answer_read(b'{"error":{"message":"x"}}').error == {"message": "x"}
    assert not openai.answer_read(b'{"choices":[{"message":{"role":"assistant","content":""}}]}').content
    with pytest.raises(BodyInvalid):
        openai.answer_read(b"<html>")


def test_a_final_account_before_done_is_an_end_too():
    """Some providers never say why a choice ended; without either word it is a cut."""
    said = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
    account = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n'
    assert stream_read(openai, said + account + b"data: [DONE]\n\n").ended
    assert not stream_read(openai, said + b"data: [DONE]\n\n").ended
    assert not stream_read(openai, account + b"data: [DONE]\n\n").ended
