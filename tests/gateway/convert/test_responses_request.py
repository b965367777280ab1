"""Responses: what each part of a request becomes, for upstreams of either protocol."""

import base64
import json

import pytest

from gateway.convert.responses import ResponsesToAnthropic, ResponsesToOpenAI
from gateway.wire.body import BodyInvalid
from tests.gateway.convert.asks import asked_make, sent

LOOK = {"type": "function", "name": "look", "description": "Look it up.", "parameters": {"type": "object"}}
PATCH = {"type": "custom", "name": "patch"}
USER = {"role": "user", "content": "Hi"}
CALL = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"a":1}'}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "Ulm"}
PIXEL = "data:image/png;base64,iVBORw0KGgo="
PDF = "data:application/pdf;base64,JVBERi0xLjQ="
SEALED = "reasoning.encrypted_content"


def to_openai(upstream_model="upstream-1", capabilities=frozenset(), **request):
    whole = {"model": "public-1", "input": "Hi", **request}
    return ResponsesToOpenAI(asked_make(whole, upstream_model=upstream_model, capabilities=capabilities))


def to_anthropic(upstream_model="claude-sonnet-4-5", **request):
    return ResponsesToAnthropic(
        asked_make({"model": "public-1", "input": "Hi", **request}, upstream_model=upstream_model)
    )


def messages(*items, **request):
    return sent(to_openai(input=list(items), tools=[LOOK, PATCH], **request))["messages"]


def called(name="look", arguments='{"a":1}', call_id="c1"):
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def sealed(**kept):
    return {
        "type": "reasoning",
        "summary": [],
        "encrypted_content": "to1." + base64.urlsafe_b64encode(json.dumps(kept).encode()).decode(),
    }


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([USER], [USER]),
        ([{"type": "message", "role": "user", "content": []}], [{"role": "user", "content": []}]),
        (
            [{"role": "developer", "content": "A"}, {"role": "system", "content": "B"}, USER],
            [{"role": "system", "content": "A\n\nB"}, USER],
        ),
        ([USER, {"role": "system", "content": "Later"}], [USER, {"role": "system", "content": "Later"}]),
        ([{"role": "system", "content": "Say hi"}], [{"role": "user", "content": "Say hi"}]),
        (
            [USER, {"role": "assistant", "content": [{"type": "output_text", "text": "Yes"}]}, USER],
            [USER, {"role": "assistant", "content": "Yes"}, USER],
        ),
        (
            [USER, {"role": "assistant", "content": [{"type": "refusal", "refusal": "No"}]}, USER],
            [USER, {"role": "assistant", "content": "No"}, USER],
        ),
        (
            [USER, {"role": "assistant", "content": "A"}, {"role": "assistant", "content": "B"}, USER],
            [USER, {"role": "assistant", "content": "A"}, {"role": "assistant", "content": "B"}, USER],
        ),
        (
            [
                USER,
                CALL,
                {"role": "assistant", "content": "Looking"},
                {"role": "assistant", "content": "Still"},
                RESULT,
            ],
            [
                USER,
                {"role": "assistant", "content": "Looking\nStill", "tool_calls": [called()]},
                {"role": "tool", "tool_call_id": "c1", "content": "Ulm"},
            ],
        ),
        (
            [
                USER,
                {**CALL, "type": "custom_tool_call", "name": "patch", "input": "*** Begin"},
                {**RESULT, "type": "custom_tool_call_output"},
            ],
            [
                USER,
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [called("patch", '{"input":"*** Begin"}')],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "Ulm"},
            ],
        ),
        (
            # Results in any order, and after something else was said: each goes behind its call.
            [USER, CALL, {**CALL, "call_id": "c2"}, USER, {**RESULT, "call_id": "c2", "output": "Two"}, RESULT],
            [
                USER,
                {"role": "assistant", "content": None, "tool_calls": [called(), called(call_id="c2")]},
                {"role": "tool", "tool_call_id": "c2", "content": "Two"},
                {"role": "tool", "tool_call_id": "c1", "content": "Ulm"},
                USER,
            ],
        ),
        (
            [USER, CALL, {**RESULT, "output": [{"type": "input_image", "image_url": PIXEL}]}],
            [
                USER,
                {"role": "assistant", "content": None, "tool_calls": [called()]},
                {"role": "tool", "tool_call_id": "c1", "content": "The result follows in the next message."},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "Result of tool call c1:"},
                        {"type": "image_url", "image_url": {"url": PIXEL}},
                    ],
                },
            ],
        ),
    ],
)
def test_items_become_messages(items, expected):
    assert messages(*items) == expected


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"type": "input_text", "text": "Hi"}, {"type": "text", "text": "Hi"}),
        (
            {"type": "input_image", "image_url": PIXEL, "detail": "low"},
            {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
        ),
        (
            {"type": "input_image", "image_url": {"url": PIXEL}, "detail": "odd"},
            {"type": "image_url", "image_url": {"url": PIXEL}},
        ),
        (
            {"type": "input_file", "file_data": PDF, "filename": "a.pdf"},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}},
        ),
        (
            {"type": "input_file", "file_data": PDF},
            {"type": "file", "file": {"filename": "file.pdf", "file_data": PDF}},
        ),
    ],
)
def test_parts(part, expected):
    [message] = messages({"role": "user", "content": [{"type": "input_text", "text": "See"}, part]})
    assert message["content"] == [{"type": "text", "text": "See"}, expected]


@pytest.mark.parametrize(
    ("items", "where"),
    [
        ([{"type": "item_reference", "id": "x"}], "input[0]"),
        ([{"type": "teleport"}], "input[0]"),
        ([{"role": "wizard", "content": "Hi"}], "input[0].role"),
        ([RESULT], "input[0].call_id"),
        ([{**CALL, "arguments": 3}], "input[0].arguments"),
        ([{"role": "user", "content": [{"type": "input_audio"}]}], "input[0].content[0]"),
        ([{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}], "input[0].content[0].file_id"),
        ([{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}], "input[0].content[0]"),
    ],
)
def test_items_that_cannot_be_carried_name_their_place(items, where):
    with pytest.raises(BodyInvalid) as refusal:
        to_openai(input=items)
    assert refusal.value.param == where


def test_what_a_provider_did_for_itself_is_left_out():
    conversion = to_openai(input=[USER, {"type": "web_search_call", "id": "ws_1"}])
    assert conversion.dropped == ("input.web_search_call",)
    assert sent(conversion)["messages"] == [USER]


@pytest.mark.parametrize(
    ("model", "thought", "kept"),
    [
        ("deepseek-chat", sealed(text="Hm"), "Hm"),
        ("deepseek-chat", {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "Hm"}]}, "Hm"),
        ("deepseek-chat", sealed(details=[{"type": "reasoning.text", "text": "Hm", "signature": "s"}]), "Hm"),
        ("upstream-1", sealed(text="Hm"), None),
        ("deepseek-chat", {"type": "reasoning", "encrypted_content": "to1.%%%"}, None),
        ("deepseek-chat", {"type": "reasoning", "encrypted_content": "to1.bm8"}, None),
        ("deepseek-chat", {"type": "reasoning", "encrypted_content": "of somebody else"}, None),
    ],
)
def test_thoughts_go_back_to_models_that_want_them(model, thought, kept):
    conversion = to_openai(model, input=[USER, thought, CALL, RESULT], tools=[LOOK])
    turn = sent(conversion)["messages"][1]
    assert turn.get("reasoning_content") == kept
    assert conversion.dropped == (() if kept else ("input.reasoning",))


def test_thoughts_between_calls_belong_to_the_same_turn():
    again = {**CALL, "call_id": "c2"}
    conversion = to_openai("deepseek-chat", input=[USER, sealed(text="A"), CALL, sealed(text="B"), again], tools=[LOOK])
    turn = sent(conversion)["messages"][1]
    assert (turn["reasoning_content"], len(turn["tool_calls"])) == ("AB", 2)


def test_thoughts_after_words_begin_a_turn():
    said = {"role": "assistant", "content": "Well"}
    turns = sent(to_openai("deepseek-chat", input=[USER, said, sealed(text="B"), said]))["messages"]
    assert [turn.get("reasoning_content") for turn in turns] == [None, None, "B"]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"text": {"format": {"type": "json_object"}}}, {"response_format": {"type": "json_object"}}),
        (
            {"text": {"format": {"type": "json_schema", "name": "n", "strict": True, "schema": {"type": "object"}}}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "strict": True, "schema": {"type": "object"}},
                }
            },
        ),
        ({"text": {"format": {"type": "text"}, "verbosity": "medium"}}, {}),
        ({"max_output_tokens": 9}, {"max_tokens": 9}),
        ({"user": "u-1"}, {"user": "u-1"}),
        ({"safety_identifier": "s-1"}, {"user": "s-1"}),
        ({"reasoning": {"effort": "minimal"}}, {"reasoning_effort": "low"}),
        ({"reasoning": {"effort": "high"}}, {"reasoning_effort": "high"}),
        ({"service_tier": "auto", "truncation": "disabled", "include": [SEALED]}, {}),
        ({"tools": [LOOK], "parallel_tool_calls": False}, {"parallel_tool_calls": False}),
        ({"tools": [LOOK], "parallel_tool_calls": True}, {}),
        ({"tools": [LOOK], "tool_choice": "auto"}, {}),
        ({"tools": [LOOK], "tool_choice": "required"}, {"tool_choice": "required"}),
        (
            {"tools": [LOOK], "tool_choice": {"type": "function", "name": "look"}},
            {"tool_choice": {"type": "function", "function": {"name": "look"}}},
        ),
        (
            {
                "tools": [LOOK, PATCH],
                "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [LOOK, {"type": "web_search"}]},
            },
            {"tool_choice": "required"},
        ),
    ],
)
def test_fields(request_, expected):
    conversion = to_openai(**request_)
    body = sent(conversion)
    assert conversion.dropped == ()
    assert {name: value for name, value in body.items() if name not in ("model", "messages", "tools")} == expected
    if "tools" in request_:
        assert [tool["function"]["name"] for tool in body["tools"]] == ["look"]


def test_openais_own_models_take_their_own_words():
    body = sent(
        to_openai("gpt-5-mini", text={"verbosity": "low"}, prompt_cache_key="k", max_output_tokens=9, temperature=1)
    )
    assert (body["verbosity"], body["prompt_cache_key"], body["max_completion_tokens"]) == ("low", "k", 9)
    assert "temperature" not in body


@pytest.mark.parametrize(
    ("request_", "dropped"),
    [
        ({"text": {"verbosity": "low"}}, "text.verbosity"),
        ({"prompt_cache_key": "k"}, "prompt_cache_key"),
        ({"service_tier": "priority"}, "service_tier"),
        ({"truncation": "auto"}, "truncation"),
        ({"include": ["web_search_call.results"]}, "include.web_search_call.results"),
        ({"reasoning": {"effort": "none"}}, "reasoning.effort"),
        ({"tools": [{"type": "web_search"}]}, "tools.web_search"),
    ],
)
def test_fields_that_are_dropped_are_named(request_, dropped):
    assert to_openai(**request_).dropped == (dropped,)


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"reasoning": {"effort": "heroic"}}, "reasoning.effort"),
        ({"text": {"format": {"type": "xml"}}}, "text.format"),
        ({"tools": [{"type": "computer"}]}, "tools[0]"),
        ({"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "mcp"}]}]}, "tools[0].tools[0]"),
        ({"tools": [LOOK], "tool_choice": {"type": "function", "name": "seek"}}, "tool_choice"),
        ({"tools": [LOOK], "tool_choice": {"type": "hosted"}}, "tool_choice"),
        ({"tools": [{"type": "web_search"}], "tool_choice": "required"}, "tool_choice"),
    ],
)
def test_fields_that_are_refused_are_named(request_, param):
    with pytest.raises(BodyInvalid) as refusal:
        to_openai(**request_)
    assert refusal.value.param == param


def test_tools_keep_what_describes_them():
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: X"}
    tools = [
        {**LOOK, "strict": True},
        {"type": "custom", "name": "patch", "description": "Change.", "format": grammar},
        {
            "type": "namespace",
            "name": "ns",
            "description": "Of all.",
            "tools": [LOOK, {"type": "function", "name": "b"}],
        },
    ]
    look, patch, inner, bare = [tool["function"] for tool in sent(to_openai(tools=tools))["tools"]]
    assert (look["strict"], look["description"], look["parameters"]) == (True, "Look it up.", {"type": "object"})
    assert patch["description"] == "Change.\n\nThe input follows this lark grammar:\nstart: X"
    assert patch["parameters"]["required"] == ["input"]
    assert (inner["name"], inner["description"]) == ("ns__look", "Look it up.\n\nOf all.")
    assert bare == {"name": "ns__b"}


def test_an_anthropic_upstream_gets_the_same_conversation():
    body = sent(
        to_anthropic(
            instructions="Be brief.",
            input=[USER, CALL, {**RESULT, "output": [{"type": "input_text", "text": "Ulm"}]}],
            tools=[LOOK],
            temperature=0.5,
            reasoning={"effort": "low"},
        )
    )
    assert body["system"] == "Be brief." or body["system"][0]["text"] == "Be brief."
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][1]["content"][0]["name"] == "look"
    assert body["messages"][2]["content"][0]["tool_use_id"] == "c1"


def test_refusals_of_an_anthropic_upstream_name_the_clients_own_field():
    with pytest.raises(BodyInvalid) as refusal:
        to_anthropic(input=[{"role": "user", "content": [{"type": "input_image", "image_url": "ftp://x/y"}]}])
    assert refusal.value.param == "input"
    assert "messages" not in str(refusal.value)
