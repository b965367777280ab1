"""Row 3, requests: every row of the mapping table, and what is dropped or refused by name."""

from typing import Any

import pytest

from gateway.convert.openai_anthropic.fields import FIELDS
from gateway.wire.body import BodyInvalid
from tests.gateway.convert.asks import HI, sent, to_anthropic

PNG = "iVBORw0KGgoAAAANSUhEUg=="
PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}
SCHEMA = {"type": "object", "properties": {"at": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "look", "description": "Looks", "parameters": SCHEMA}}
ASK = {"role": "user", "content": "Look"}
OLD = "claude-3-haiku-20240307"
NEW = "claude-opus-4-7"


def turns_of(*messages, **request):
    return sent(to_anthropic(messages=list(messages), **request))["messages"]


def text(said):
    return {"type": "text", "text": said}


def calls(*pairs, **more):
    listed = [{"id": one, "type": "function", "function": {"name": "look", "arguments": given}} for one, given in pairs]
    return {"role": "assistant", "content": None, "tool_calls": listed, **more}


def tool(call_id, content="ok"):
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def test_the_whole_of_a_plain_request():
    system = {"role": "system", "content": "Be kind"}
    body = sent(
        to_anthropic(
            messages=[system, {"role": "developer", "content": [text("and short")]}, ASK],
            max_completion_tokens=50,
            temperature=1.7,
            stop=["END", " \n"],
            stream=True,
            stream_options={"include_usage": True},
            user="user-1",
            top_k=5,
            n=1,
        )
    )
    assert body == {
        "model": "claude-sonnet-4-5",
        "max_tokens": 50,
        "messages": [{"role": "user", "content": [text("Look")]}],
        "system": "Be kind\nand short",
        "stream": True,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "user-1"},
        "temperature": 1,
        "top_k": 5,
    }


@pytest.mark.parametrize(
    ("request_", "asked", "sent_tokens"),
    [
        ({}, {}, 8000),
        ({"max_tokens": 10}, {}, 10),
        ({"max_tokens": 10, "max_completion_tokens": 20}, {}, 20),
        ({"max_tokens": 9000}, {"max_output_tokens": 8000}, 8000),
        ({"max_completion_tokens": 10, "max_tokens": 9000}, {"max_output_tokens": 8000}, 10),
    ],
)
def test_maximum(request_, asked, sent_tokens):
    assert sent(to_anthropic(asked=asked, **request_))["max_tokens"] == sent_tokens


def test_cached_parts_keep_their_word():
    cached = {**text("long"), "cache_control": {"type": "ephemeral"}}
    body = sent(to_anthropic(messages=[{"role": "system", "content": [cached]}, {"role": "user", "content": [cached]}]))
    assert body["system"] == body["messages"][0]["content"] == [cached]


def test_a_later_system_message_keeps_its_place_as_text():
    [turn, answer, later] = turns_of(
        ASK, {"role": "assistant", "content": "Yes"}, {"role": "system", "content": "In French"}, ASK
    )
    assert answer["role"] == "assistant"
    assert later["content"] == [text("[System message]\nIn French"), text("Look")]
    assert turns_of(ASK, {"role": "system", "content": ""}) == [turn]


def test_a_system_message_alone_is_the_question():
    body = sent(to_anthropic(messages=[{"role": "system", "content": "Say hello"}]))
    assert body["messages"] == [{"role": "user", "content": [text("Say hello")]}]
    assert "system" not in body


def test_messages_of_one_role_are_one_turn():
    assert turns_of(ASK, {"role": "user", "content": [text("there"), text(" ")]}) == [
        {"role": "user", "content": [text("Look"), text("there")]}
    ]


def test_parallel_results_are_one_turn_before_any_text():
    turns = turns_of(
        ASK,
        calls(("a", '{"at": 1}'), ("b", "")),
        tool("b"),
        {"role": "system", "content": "Note"},
        tool("a", [text("A")]),
        ASK,
    )
    assert turns[1]["content"] == [
        {"type": "tool_use", "id": "a", "name": "look", "input": {"at": 1}},
        {"type": "tool_use", "id": "b", "name": "look", "input": {}},
    ]
    assert turns[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "b", "content": "ok"},
        {"type": "tool_result", "tool_use_id": "a", "content": [text("A")]},
        text("[System message]\nNote"),
        text("Look"),
    ]


def test_results_that_say_nothing_or_show_an_image():
    shown = [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]
    turns = turns_of(ASK, calls(("a", "{}"), ("b", "{}"), ("c", "{}")), tool("a", ""), tool("b", []), tool("c", shown))
    [first, second, third] = turns[2]["content"]
    assert "content" not in first
    assert "content" not in second
    assert third["content"] == [{"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}]
    assert turns_of(tool("a"))[0]["content"][0]["type"] == "tool_result"


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ("", {}),
        ("  ", {}),
        (None, {}),
        ({"at": 1}, {"at": 1}),
        ("[1]", {"INVALID_JSON": "[1]"}),
        ('{"at', {"INVALID_JSON": '{"at'}),
    ],
)
def test_arguments(arguments, given):
    assert turns_of(ASK, calls(("a", arguments)))[1]["content"][0]["input"] == given


def test_text_beside_calls_and_ids_in_letters_that_are_taken():
    turns = turns_of(ASK, calls(("functions.look:0", "{}"), content="Let me see"), tool("functions.look:0"))
    [said, use] = turns[1]["content"]
    assert said == text("Let me see")
    assert use["id"] == turns[2]["content"][0]["tool_use_id"]
    assert use["id"].replace("_", "").replace("-", "").isalnum()


def test_an_assistant_that_said_nothing_leaves_no_turn():
    assert turns_of(ASK, {"role": "assistant", "content": ""}, ASK) == [{"role": "user", "content": [text("Look")] * 2}]


def test_refusals_of_the_past_are_text():
    said = {"role": "assistant", "content": None, "refusal": "No."}
    parts = {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
    assert (
        turns_of(ASK, said, ASK)[1] == turns_of(ASK, parts, ASK)[1] == {"role": "assistant", "content": [text("No.")]}
    )


def test_a_prefill_ends_without_white_space():
    assert turns_of(ASK, {"role": "assistant", "content": "It is \n"})[1]["content"] == [text("It is")]
    assert len(turns_of(ASK, calls(("a", "{}")))) == 2


def test_legacy_functions():
    body = sent(
        to_anthropic(
            messages=[
                ASK,
                {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": "{}"}},
                {"role": "function", "name": "look", "content": "ok"},
            ],
            functions=[{"name": "look"}],
            function_call={"name": "look"},
        )
    )
    assert body["tools"] == [{"name": "look", "input_schema": {"type": "object", "properties": {}}}]
    assert body["tool_choice"] == {"type": "tool", "name": "look", "disable_parallel_tool_use": True}
    assert body["messages"][1]["content"][0]["id"] == body["messages"][2]["content"][0]["tool_use_id"]


def test_thoughts_come_back_to_the_model_that_made_them():
    mine = {"format": "anthropic-claude-v1", "model": "public-1"}
    details = [
        {"type": "reasoning.text", "text": "Hm", "signature": "c2ln", **mine},
        {"type": "reasoning.encrypted", "data": "ZGF0YQ", **mine},
        {"type": "reasoning.summary", "summary": "x", **mine},
        {"type": "reasoning.text", "text": "foreign", "signature": "c2ln", **mine, "model": "other"},
        {"type": "reasoning.text", "text": "foreign", "signature": "c2ln", "format": "openai"},
    ]
    conversion = to_anthropic(
        messages=[ASK, calls(("a", "{}"), reasoning_details=details), tool("a")], reasoning_effort="low"
    )
    body = sent(conversion)
    assert body["messages"][1]["content"][:2] == [
        {"type": "thinking", "thinking": "Hm", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "ZGF0YQ"},
    ]
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    assert conversion.dropped == ()


@pytest.mark.parametrize(
    "said",
    [
        {"reasoning_content": "Hm", "content": "Yes"},
        {"content": [{"type": "thinking", "thinking": [text("Hm")]}, text("Yes")]},
    ],
)
def test_unsigned_thoughts_are_left_out(said):
    conversion = to_anthropic(messages=[ASK, {"role": "assistant", **said}, ASK])
    assert sent(conversion)["messages"][1]["content"] == [text("Yes")]
    assert conversion.dropped == ("messages.reasoning",)


@pytest.mark.parametrize(
    ("part", "block"),
    [
        ({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
         {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}),
        ({"type": "image_url", "image_url": f"data:image/jpg;name=a.b;base64,{PNG}"},
         {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}),
        ({"type": "image_url", "image_url": {"url": "data:image/jpg;base64,AAAA"}},
         {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"}}),
        ({"type": "image_url", "image_url": {"url": "https://example.com/a"}},
         {"type": "image", "source": {"type": "url", "url": "https://example.com/a"}}),
        ({"type": "image_url", "image_url": {"url": "data:application/pdf;base64,JVBE"}},
         {"type": "document", "source": PDF}),
        ({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}},
         {"type": "document", "title": "a.pdf", "source": PDF}),
        ({"type": "file", "file": {"file_data": "JVBE"}},
         {"type": "document", "source": PDF}),
        ({"type": "file", "file": {"file_data": "https://example.com/a.pdf"}},
         {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}),
        ({"type": "file", "file": {"file_data": "data:text/plain;base64,UGx1bXM="}},
         {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Plums"}}),
        ({"type": "file", "file": {"file_data": f"data:image/png;base64,{PNG}"}},
         {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}),
    ],
)  # fmt: skip
def test_media(part, block):
    assert turns_of({"role": "user", "content": [text("See"), part]})[0]["content"] == [text("See"), block]


def test_tools_and_long_names():
    long = {
        "type": "function",
        "function": {"name": "files.read", "strict": True, "cache_control": {"type": "ephemeral"}},
    }
    [first, second] = sent(to_anthropic(tools=[TOOL, long]))["tools"]
    assert first == {"name": "look", "description": "Looks", "input_schema": SCHEMA}
    assert second["name"].startswith("files_read_")
    assert second["input_schema"] == {"type": "object", "properties": {}}
    assert (second["strict"], second["cache_control"]) == (True, {"type": "ephemeral"})
    older = to_anthropic(tools=[long], upstream_model=OLD)
    assert "strict" not in sent(older)["tools"][0]
    assert older.dropped == ("tools.strict",)


SERIAL = {"disable_parallel_tool_use": True}


@pytest.mark.parametrize(
    ("request_", "choice"),
    [
        ({"tool_choice": "auto"}, {"type": "auto"}),
        ({"tool_choice": "none", "parallel_tool_calls": False}, {"type": "none"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": "any"}, {"type": "any"}),
        ({"tool_choice": {"type": "function", "function": {"name": "look"}}}, {"type": "tool", "name": "look"}),
        ({"parallel_tool_calls": False}, {"type": "auto", **SERIAL}),
        ({"tool_choice": "required", "parallel_tool_calls": False}, {"type": "any", **SERIAL}),
        ({"parallel_tool_calls": True}, None),
        ({}, None),
    ],
)
def test_tool_choice(request_, choice):
    assert sent(to_anthropic(tools=[TOOL], **request_)).get("tool_choice") == choice


def test_allowed_tools_alone_are_sent():
    other = {"type": "function", "function": {"name": "other"}}
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "look"}}]}
    body = sent(to_anthropic(tools=[TOOL, other], tool_choice={"type": "allowed_tools", "allowed_tools": allowed}))
    assert [one["name"] for one in body["tools"]] == ["look"]
    assert body["tool_choice"] == {"type": "any"}


def test_a_choice_without_tools_says_nothing():
    assert "tool_choice" not in sent(to_anthropic(tool_choice="auto"))


def budget(tokens):
    return {"thinking": {"type": "enabled", "budget_tokens": tokens}}


def adaptive(effort):
    return {"thinking": {"type": "adaptive"}, "output_config": {"effort": effort}}


@pytest.mark.parametrize(
    ("request_", "model", "members"),
    [
        ({"reasoning_effort": "low"}, "claude-sonnet-4-5", budget(1024)),
        ({"reasoning_effort": "minimal"}, "claude-sonnet-4-5", budget(1024)),
        ({"reasoning_effort": "medium"}, "claude-3-7-sonnet-20250219", budget(2048)),
        ({"reasoning_effort": "high"}, "claude-opus-4-20250514", budget(4000)),
        ({"reasoning_effort": "high", "max_tokens": 64000}, "claude-opus-4-20250514", budget(4096)),
        ({"reasoning_effort": "high"}, "glm-4.7", budget(4000)),
        ({"reasoning_effort": "none"}, "claude-sonnet-4-5", {}),
        ({"reasoning_effort": "high"}, "claude-sonnet-4-6", adaptive("high")),
        ({"reasoning_effort": "xhigh"}, "claude-sonnet-4-6", adaptive("high")),
        ({"reasoning_effort": "xhigh"}, NEW, adaptive("xhigh")),
        ({"reasoning_effort": "max"}, "claude-fable-5", adaptive("max")),
        ({"reasoning": {"effort": "low"}}, "claude-sonnet-4-5", budget(1024)),
        ({"reasoning": {"max_tokens": 3000}}, "claude-sonnet-4-5", budget(3000)),
        ({"reasoning": {"max_tokens": 3000}}, NEW, {"thinking": {"type": "adaptive"}}),
        ({"reasoning": {"enabled": True}}, "claude-sonnet-4-5", budget(2048)),
        ({"reasoning": {"enabled": False}}, "claude-sonnet-4-5", {}),
        ({"reasoning": {"exclude": True}}, "claude-sonnet-4-5", {}),
        ({"thinking": {"type": "enabled", "budget_tokens": 500}}, "claude-sonnet-4-5", budget(1024)),
        ({"thinking": {"type": "disabled"}}, "claude-sonnet-4-5", {}),
    ],
)
def test_thinking(request_, model, members):
    conversion = to_anthropic(upstream_model=model, **request_)
    body = sent(conversion)
    assert {name: body[name] for name in ("thinking", "output_config") if name in body} == members
    assert conversion.dropped == ()


@pytest.mark.parametrize(
    "request_",
    [
        {"upstream_model": OLD},
        {"max_tokens": 1500},
        {"tools": [TOOL], "tool_choice": "required"},
        {"messages": [ASK, {"role": "assistant", "content": "It is"}]},
        {"messages": [ASK, calls(("a", "{}")), tool("a")]},
    ],
)
def test_turns_that_cannot_think(request_):
    conversion = to_anthropic(reasoning_effort="high", **request_)
    assert "thinking" not in sent(conversion)
    assert conversion.dropped == ("reasoning_effort",)


def test_models_that_decide_themselves_think_on_in_a_tool_loop():
    body = sent(
        to_anthropic(messages=[ASK, calls(("a", "{}")), tool("a")], reasoning_effort="high", upstream_model=NEW)
    )
    assert body["thinking"] == {"type": "adaptive"}


@pytest.mark.parametrize(
    ("request_", "model", "kept", "dropped"),
    [
        ({"temperature": 0.5, "top_p": 0.5}, "claude-sonnet-4-5", {"temperature": 0.5}, ("top_p",)),
        ({"top_p": 0.5}, "claude-sonnet-4-5", {"top_p": 0.5}, ()),
        ({"temperature": 0.5, "top_p": 0.5}, OLD, {"temperature": 0.5, "top_p": 0.5}, ()),
        ({"temperature": 0, "top_k": 3}, NEW, {}, ("temperature", "top_k")),
        ({"temperature": 1, "reasoning_effort": "low"}, "claude-sonnet-4-5", {}, ("temperature",)),
    ],
)
def test_sampling(request_, model, kept, dropped):
    conversion = to_anthropic(upstream_model=model, **request_)
    body = sent(conversion)
    assert {name: body[name] for name in ("temperature", "top_p", "top_k") if name in body} == kept
    assert conversion.dropped == dropped


def schema_format(schema):
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}


def test_structured_output():
    body = sent(to_anthropic(response_format=schema_format(SCHEMA), reasoning_effort="high", upstream_model=NEW))
    assert body["output_config"] == {
        "effort": "high",
        "format": {"type": "json_schema", "schema": {**SCHEMA, "additionalProperties": False}},
    }


def test_structured_output_of_older_models_is_a_forced_tool():
    body = sent(to_anthropic(response_format=schema_format(SCHEMA), upstream_model=OLD))
    [tool_] = body["tools"]
    assert (tool_["name"], tool_["input_schema"]) == ("structured_answer", SCHEMA)
    assert body["tool_choice"] == {"type": "tool", "name": "structured_answer"}
    beside = sent(to_anthropic(response_format=schema_format(SCHEMA), upstream_model=OLD, tools=[TOOL]))
    assert beside["output_config"]["format"]["type"] == "json_schema"


def test_other_response_formats():
    assert "JSON" in sent(to_anthropic(response_format={"type": "json_object"}))["system"]
    assert set(sent(to_anthropic(response_format={"type": "text"}))) == {"model", "max_tokens", "messages"}


@pytest.mark.parametrize("stop", ["END", ["END"], ["END", "\n"]])
def test_stop(stop):
    assert sent(to_anthropic(stop=stop))["stop_sequences"] == ["END"]
    assert "stop_sequences" not in sent(to_anthropic(stop=["\n"]))


def test_users_are_hashed_where_they_are_personal():
    assert sent(to_anthropic(user="plum@example.com"))["metadata"]["user_id"] != "plum@example.com"
    assert sent(to_anthropic(safety_identifier="s"))["metadata"] == {"user_id": "s"}


@pytest.mark.parametrize("name", [row.name for row in FIELDS.values() if row.fate == "dropped"])
def test_dropped_fields_are_named_and_do_not_arrive(name):
    conversion = to_anthropic(**{name: 1})
    assert conversion.dropped == (name,)
    assert set(sent(conversion)) == {"model", "max_tokens", "messages"}


def test_fields_that_say_nothing_are_not_worth_a_word():
    nothing: dict[str, Any] = {
        "seed": None,
        "logprobs": False,
        "metadata": {},
        "stop": None,
        "response_format": None,
        "tools": None,
    }
    assert to_anthropic(**nothing).dropped == ()


def part(**members):
    return {"messages": [{"role": "user", "content": [members]}]}


def said(**members):
    return {"messages": [ASK, {"role": "assistant", **members}]}


IMAGE, FILE = "messages[0].content[0].image_url", "messages[0].content[0].file"


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"n": 2}, "n"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages"),
        ({"messages": [{"role": "critic", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        (
            {"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": "https://x"}]}]},
            "messages[0].content",
        ),
        (part(type="input_audio", input_audio={}), "messages[0].content[0]"),
        (part(type="video_url"), "messages[0].content[0]"),
        (part(type="image_url", image_url=1), IMAGE),
        (part(type="image_url", image_url="data:image/svg+xml;base64,AAAA"), IMAGE),
        (part(type="image_url", image_url="ftp://x"), IMAGE),
        (part(type="file", file={"file_id": "f"}), FILE),
        (part(type="file", file={"file_data": "data:text/plain;base64,/w=="}), FILE),
        (said(audio={"id": "a"}), "messages[1].audio"),
        (said(tool_calls=[{"type": "custom", "custom": {}}]), "messages[1].tool_calls[0]"),
        (said(tool_calls=[{"id": "a", "function": {}}]), "messages[1].tool_calls[0].function.name"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0]"),
        ({"tools": [TOOL], "tool_choice": "maybe"}, "tool_choice"),
        ({"response_format": {"type": "grammar"}}, "response_format"),
        ({"reasoning_effort": "much"}, "reasoning_effort"),
        ({"reasoning": {"effort": 1}}, "reasoning"),
        ({"temperature": "hot"}, "temperature"),
        ({"stop": [1]}, "stop"),
    ],
)
def test_what_changes_the_answer_is_refused_by_name(request_, param):
    with pytest.raises(BodyInvalid) as refused:
        to_anthropic(**request_)
    assert refused.value.param == param
    assert refused.value.message


def test_hi_is_what_the_tables_start_from():
    assert turns_of(*HI) == [{"role": "user", "content": [text("Hi")]}]


def test_a_conversation_that_the_assistant_began_begins_with_the_user():
    first, greeting, asked = turns_of({"role": "assistant", "content": "Hello! How can I help?"}, ASK)
    assert (first["role"], greeting["role"], asked["role"]) == ("user", "assistant", "user")
    assert first["content"][0]["text"].strip()
    assert greeting["content"] == [text("Hello! How can I help?")]
