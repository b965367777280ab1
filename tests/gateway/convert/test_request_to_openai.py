"""Row 2, requests: every row of the mapping table, and what is dropped or refused by name."""

import json
from typing import Any

import pytest

from gateway.convert.anthropic_openai.fields import FIELDS
from gateway.convert.names import id_to_anthropic
from gateway.wire.body import BodyInvalid
from tests.gateway.convert.asks import sent, to_openai

PNG = "iVBORw0KGgoAAAANSUhEUg=="
TOOL = {
    "name": "look",
    "description": "Looks",
    "input_schema": {"type": "object", "properties": {"at": {"type": "string"}}},
}
ASK = {"role": "user", "content": "Look"}


def messages_of(*messages, **request):
    return sent(to_openai(messages=list(messages), **request))["messages"]


def use(call_id, name="look", **given):
    return {"type": "tool_use", "id": call_id, "name": name, "input": given}


def result(call_id, content="ok", **more):
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


def user(*blocks):
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks):
    return {"role": "assistant", "content": list(blocks)}


def text(said):
    return {"type": "text", "text": said}


def test_the_whole_of_a_plain_request():
    body = sent(to_openai(temperature=0.2, top_p=0.9, stop_sequences=["END", ""], stream=True, system="Be kind"))
    assert body == {
        "model": "upstream-1",
        "messages": [{"role": "system", "content": "Be kind"}, {"role": "user", "content": "Hi"}],
        "max_tokens": 100,
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.2,
        "top_p": 0.9,
        "stop": ["END"],
    }


def test_the_lowered_maximum():
    assert sent(to_openai(max_tokens=500, asked={"max_output_tokens": 200}))["max_tokens"] == 200


@pytest.mark.parametrize("name", ["o3", "o4-mini", "gpt-5", "openai/gpt-5.2", "gpt-6-mini"])
def test_models_that_think_have_their_own_maximum_and_do_not_sample(name):
    conversion = to_openai(upstream_model=name, temperature=0.2, top_p=0.5)
    assert sent(conversion)["max_completion_tokens"] == 100
    assert not {"max_tokens", "temperature", "top_p"} & set(sent(conversion))
    assert conversion.dropped == ("temperature", "top_p")


@pytest.mark.parametrize(
    ("system", "said"),
    [
        ("Be kind", "Be kind"),
        ([text("Be kind"), {**text("and short"), "cache_control": {"type": "ephemeral"}}], "Be kind\nand short"),
        ([text("x-anthropic-billing-header: cc_version=2.1.1; cc_entrypoint=cli"), text("Be kind")], "Be kind"),
    ],
)
def test_system(system, said):
    assert messages_of(ASK, system=system)[0] == {"role": "system", "content": said}


@pytest.mark.parametrize("system", ["", [], [text("x-anthropic-billing-header: a")]])
def test_a_system_prompt_that_says_nothing(system):
    assert messages_of(ASK, system=system) == [ASK]


def test_system_in_mid_conversation_keeps_its_place():
    messages = messages_of(ASK, {"role": "system", "content": [text("Now in French")]}, assistant(text("Oui")), ASK)
    assert [one["role"] for one in messages] == ["user", "system", "assistant", "user"]


def test_system_never_comes_between_a_call_and_its_results():
    messages = messages_of(
        ASK,
        assistant(use("a"), use("b")),
        user(result("b")),
        {"role": "system", "content": "Note"},
        user(result("a"), text("So?")),
    )
    assert [one["role"] for one in messages] == ["user", "assistant", "tool", "tool", "system", "user"]
    assert [one["tool_call_id"] for one in messages[2:4]] == ["b", "a"]


def test_tools_that_were_added_later_are_there_from_the_start():
    addition = {
        "role": "system",
        "content": [{"type": "tool_addition", "tool": {"type": "tool_reference", "name": "look"}}],
    }
    conversion = to_openai(messages=[ASK, addition], tools=[{**TOOL, "defer_loading": True}])
    assert [one["role"] for one in sent(conversion)["messages"]] == ["user"]
    assert conversion.dropped == ("messages.tool_addition",)


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        ),
        (
            {
                "type": "document",
                "title": "a.pdf",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
            },
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}},
        ),
        (
            {"type": "document", "source": {"type": "base64", "data": "JVBE"}, "citations": {"enabled": False}},
            {"type": "file", "file": {"filename": "document.pdf", "file_data": "data:application/pdf;base64,JVBE"}},
        ),
    ],
)
def test_media(block, part):
    assert messages_of(user(text("See"), block)) == [{"role": "user", "content": [text("See"), part]}]


@pytest.mark.parametrize(
    ("block", "texts"),
    [
        ({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Plums"}}, ["Plums"]),
        (
            {"type": "document", "title": "T", "context": "C", "source": {"type": "text", "data": "Plums"}},
            ["T", "C", "Plums"],
        ),
        ({"type": "document", "source": {"type": "content", "content": "Plums"}}, ["Plums"]),
        ({"type": "document", "source": {"type": "content", "content": [text("Plums"), text("")]}}, ["Plums"]),
        ({"type": "document", "source": {"type": "content"}}, []),
        ({"type": "search_result", "title": "T", "source": "S", "content": [text("Plums")]}, ["T\nS\nPlums"]),
        ({"type": "tool_reference", "tool_name": "look"}, ["Tool: look"]),
    ],
)
def test_documents_of_text(block, texts):
    assert messages_of(user(text("See"), text("this"), block)) == [
        {"role": "user", "content": [text("See"), text("this"), *map(text, texts)]}
    ]


def test_a_document_of_images_and_a_context_beside_a_file():
    image = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    [message] = messages_of(user({"type": "document", "source": {"type": "content", "content": [image]}}))
    assert message["content"][0]["type"] == "image_url"
    pdf = {
        "type": "document",
        "context": "C",
        "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
    }
    [message] = messages_of(user(pdf))
    assert [part["type"] for part in message["content"]] == ["text", "file"]


def test_citations_are_named_as_dropped():
    document = {"type": "document", "citations": {"enabled": True}, "source": {"type": "text", "data": "Plums"}}
    assert to_openai(messages=[user(document)]).dropped == ("messages.citations",)


def test_text_and_calls_of_one_turn_both_arrive():
    [_, message, tool] = messages_of(
        ASK, assistant(text("Let me "), text("see"), use("toolu_1", at=1.5)), user(result("toolu_1"))
    )
    assert message == {
        "role": "assistant",
        "content": "Let me see",
        "tool_calls": [{"id": "toolu_1", "type": "function", "function": {"name": "look", "arguments": '{"at":1.5}'}}],
    }
    assert tool == {"role": "tool", "tool_call_id": "toolu_1", "content": "ok"}


def test_results_come_first_in_any_order_and_the_rest_of_the_turn_after_them():
    messages = messages_of(
        ASK,
        assistant(use("a"), use("b")),
        user(text("early"), result("b", "B"), text("late"), result("a", "A", is_error=True)),
    )
    assert messages[2:] == [
        {"role": "tool", "tool_call_id": "b", "content": "B"},
        {"role": "tool", "tool_call_id": "a", "content": "Error: A"},
        {"role": "user", "content": [text("early"), text("late")]},
    ]


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (result("a", [text("one"), text("two")]), "one\ntwo"),
        ({"type": "tool_result", "tool_use_id": "a"}, ""),
        (result("a", ""), ""),
        (result("a", "", is_error=True), "Error"),
        (result("a", "Error: no", is_error=True), "Error: no"),
        (result("a", "fine", is_error=False), "fine"),
    ],
)
def test_what_a_result_says(block, said):
    assert messages_of(ASK, assistant(use("a")), user(block))[2]["content"] == said


def test_images_of_results_follow_in_a_users_message():
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    messages = messages_of(
        ASK, assistant(use("a"), use("b")), user(result("a", [image]), result("b", [text("B"), image]))
    )
    assert [one["role"] for one in messages[2:]] == ["tool", "tool", "user"]
    assert messages[3]["content"] == "B"
    assert messages[2]["content"]
    said = [part.get("text", "image") for part in messages[4]["content"]]
    assert said == ["Result of tool call a:", "image", "Result of tool call b:", "image"]


def test_results_that_never_come_hold_nothing_back():
    messages = messages_of(ASK, assistant(use("a")), user(text("never mind")), assistant(text("ok")))
    assert [one["role"] for one in messages] == ["user", "assistant", "user", "assistant"]


def test_thoughts_of_the_past_are_left_out():
    thought = [{"type": "thinking", "thinking": "Hm", "signature": "c2ln"}, {"type": "redacted_thinking", "data": "x"}]
    conversion = to_openai(messages=[ASK, assistant(*thought, text("Yes")), ASK, assistant(*thought)])
    assert sent(conversion)["messages"][1:] == [{"role": "assistant", "content": "Yes"}, ASK]
    assert conversion.dropped == ("messages.redacted_thinking", "messages.thinking")


@pytest.mark.parametrize("name", ["deepseek-reasoner", "kimi-k2-thinking", "glm-4.7"])
def test_thoughts_go_back_in_a_tool_loop_where_they_are_wanted(name):
    thought = {"type": "thinking", "thinking": "Hm", "signature": ""}
    messages = messages_of(ASK, assistant(thought, use("a")), user(result("a")), upstream_model=name)
    assert messages[1]["reasoning_content"] == "Hm"


def test_what_another_provider_did_is_left_out_and_named():
    blocks = [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        {"type": "compaction", "content": "We said hello."},
        {"type": "compaction", "content": None},
        text("So"),
    ]
    conversion = to_openai(messages=[ASK, assistant(*blocks), ASK])
    assert sent(conversion)["messages"][1] == {"role": "assistant", "content": "We said hello.\n\nSo"}
    assert conversion.dropped == ("messages.server_tool_use", "messages.web_search_tool_result", "messages.compaction")


def test_a_prefill_stays_the_last_message():
    assert messages_of(ASK, assistant(text("It is")))[-1] == {"role": "assistant", "content": "It is"}


def test_an_empty_turn_of_text():
    assert messages_of({"role": "user", "content": ""}) == [{"role": "user", "content": ""}]
    assert messages_of(ASK, user()) == [ASK]


def test_ids_go_back_as_the_upstream_gave_them():
    given = "functions.look:0"
    messages = messages_of(ASK, assistant(use(id_to_anthropic(given))), user(result(id_to_anthropic(given))))
    assert messages[1]["tool_calls"][0]["id"] == messages[2]["tool_call_id"] == given


def test_tools():
    tools = [
        {**TOOL, "cache_control": {"type": "ephemeral"}},
        {"name": "x" * 80, "type": "custom", "input_schema": {"type": "object"}},
    ]
    conversion = to_openai(tools=tools)
    [first, second] = sent(conversion)["tools"]
    assert first == {
        "type": "function",
        "function": {"name": "look", "description": "Looks", "parameters": TOOL["input_schema"]},
    }
    assert second["function"]["parameters"] == {"type": "object", "properties": {}}
    assert len(second["function"]["name"]) == 64
    assert conversion.dropped == ("tools.cache_control",)


@pytest.mark.parametrize(("closed", "dropped"), [(True, ()), (False, ("tools.strict",))])
def test_strict_tools_where_the_schema_is_closed(closed, dropped):
    schema: dict[str, Any] = {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]}
    schema |= {"additionalProperties": False} if closed else {}
    conversion = to_openai(tools=[{"name": "look", "input_schema": schema, "strict": True}])
    assert sent(conversion)["tools"][0]["function"].get("strict") is (True if closed else None)
    assert conversion.dropped == dropped


@pytest.mark.parametrize(
    ("choice", "members"),
    [
        ({"type": "auto"}, {"tool_choice": "auto"}),
        ({"type": "any"}, {"tool_choice": "required"}),
        ({"type": "none"}, {"tool_choice": "none"}),
        ({"type": "none", "disable_parallel_tool_use": True}, {"tool_choice": "none"}),
        ({"type": "tool", "name": "look"}, {"tool_choice": {"type": "function", "function": {"name": "look"}}}),
        ({"type": "any", "disable_parallel_tool_use": True}, {"tool_choice": "required", "parallel_tool_calls": False}),
        (None, {}),
    ],
)
def test_tool_choice(choice, members):
    body = sent(to_openai(tools=[TOOL], tool_choice=choice))
    assert {name: body[name] for name in ("tool_choice", "parallel_tool_calls") if name in body} == members


def test_a_choice_without_tools_says_nothing():
    assert "tool_choice" not in sent(to_openai(tool_choice={"type": "auto"}))


ADAPTIVE = {"type": "adaptive"}


@pytest.mark.parametrize(
    ("request_", "model", "effort"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 31999}}, "o3", "high"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, "o3", "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "o3", "low"),
        ({"thinking": ADAPTIVE}, "o3", "high"),
        ({"thinking": ADAPTIVE, "output_config": {"effort": "low"}}, "o3", "low"),
        ({"output_config": {"effort": "max"}}, "gpt-5", "high"),
        ({"output_config": {"effort": "xhigh"}}, "gpt-5.2", "xhigh"),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}}, "o3", None),
        ({"thinking": ADAPTIVE}, "gpt-4o", None),
        ({"output_config": {}}, "o3", None),
    ],
)
def test_effort(request_, model, effort):
    assert sent(to_openai(upstream_model=model, **request_)).get("reasoning_effort") == effort


def test_the_catalogs_word_on_reasoning_counts():
    thinking = {"thinking": ADAPTIVE}
    assert sent(to_openai(**thinking, asked={"capabilities": frozenset({"reasoning"})}))["reasoning_effort"] == "high"
    silent = to_openai(**thinking, asked={"capabilities": frozenset({"tools"})})
    assert "reasoning_effort" not in sent(silent)
    assert silent.dropped == ("thinking",)
    effort = to_openai(output_config={"effort": "low"}, asked={"capabilities": frozenset({"tools"})})
    assert effort.dropped == ("output_config.effort",)


@pytest.mark.parametrize("where", ["output_config", "output_format"])
def test_structured_output(where):
    form = {"type": "json_schema", "schema": {"type": "object", "properties": {}, "additionalProperties": False}}
    request = {"output_config": {"format": form}} if where == "output_config" else {"output_format": form}
    assert sent(to_openai(**request))["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": form["schema"], "strict": True},
    }


@pytest.mark.parametrize(
    ("user_id", "same"), [("user-1", True), ("a" * 65, False), ("plum@example.com", False), ("+49 170 1234567", False)]
)
def test_users_are_hashed_where_they_are_long_or_personal(user_id, same):
    conversion = to_openai(metadata={"user_id": user_id, "team": "x"})
    assert (sent(conversion)["user"] == user_id) is same
    assert len(sent(conversion)["user"]) <= 64
    assert conversion.dropped == ("metadata.team",)


def test_what_claude_code_sends_works_on_a_plain_model():
    conversion = to_openai(
        upstream_model="gpt-4o",
        system=[text("x-anthropic-billing-header: a"), {**text("You are"), "cache_control": {"type": "ephemeral"}}],
        thinking=ADAPTIVE,
        output_config={"effort": "high"},
        context_management={"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        metadata={"user_id": json.dumps({"device": "d" * 150})},
        messages=[ASK, {"role": "system", "content": "Reminder"}],
    )
    assert set(sent(conversion)) == {"model", "messages", "max_tokens", "user"}
    assert conversion.dropped == ("context_management", "output_config.effort")


@pytest.mark.parametrize("name", [row.name for row in FIELDS.values() if row.fate == "dropped"])
def test_dropped_fields_are_named_and_do_not_arrive(name):
    conversion = to_openai(**{name: {"some": "thing"}})
    assert conversion.dropped == (name,)
    assert set(sent(conversion)) == {"model", "messages", "max_tokens"}


def test_fields_that_nobody_knows_are_dropped_by_name():
    assert to_openai(**{"novel": 1, "bad\r\nname": 1, "nothing": None, "off": False}).dropped == ("novel", "other")


def image(**source):
    return user({"type": "image", "source": source})


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"mcp_servers": [{"url": "https://example.com"}]}, "mcp_servers"),
        ({"container": "c"}, "container"),
        ({"stop_sequences": list("abcde")}, "stop_sequences"),
        ({"stop_sequences": [1]}, "stop_sequences"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools"),
        ({"tools": [{}]}, "tools[0].name"),
        ({"tools": {}}, "tools"),
        ({"tools": [TOOL], "tool_choice": {"type": "some"}}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"output_config": {"effort": "much"}}, "output_config"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": []}]}, "messages"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content[0]"),
        ({"messages": [user({"type": "container_upload", "file_id": "f"})]}, "messages[0].content[0]"),
        ({"messages": [image(type="file", file_id="f")]}, "messages[0].content[0].source"),
        ({"messages": [image(type="base64", data="x")]}, "messages[0].content[0].source.media_type"),
        ({"messages": [user({"type": "document", "source": {"type": "url", "url": "x"}})]}, "messages[0].content[0]"),
        ({"messages": [user({"type": "document", "source": {"type": "content", "content": [{}]}})]},
         "messages[0].content[0].source.content"),
        ({"messages": [ASK, assistant({"type": "novel"})]}, "messages[1].content[0]"),
        ({"messages": [ASK, assistant({**use("a"), "input": 1})]}, "messages[1].content[0].input"),
        ({"system": [{"type": "image"}]}, "system[0]"),
    ],
)  # fmt: skip
def test_what_changes_the_answer_is_refused_by_name(request_, param):
    with pytest.raises(BodyInvalid) as refused:
        to_openai(**request_)
    assert refused.value.param == param
    assert refused.value.message
