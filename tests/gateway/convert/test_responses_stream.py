"""Responses: streams of either protocol keep the grammar of a response's events."""

import json

from gateway.convert.responses import ResponsesToAnthropic, ResponsesToOpenAI
from gateway.wire import anthropic, openai
from tests.gateway.convert.asks import (
    START,
    STOP,
    USAGE_CHUNK,
    anthropic_stream,
    asked_make,
    call,
    call_block,
    delta,
    end,
    openai_stream,
    piece,
    relayed,
    sent,
    start,
    stop,
    text_block,
)
from tests.gateway.convert.responses_read import response_read

PATCH = {"type": "custom", "name": "patch"}
AGENTS = {"type": "namespace", "name": "agents", "tools": [{"type": "function", "name": "close"}]}
ASKED = {
    "model": "public-1",
    "input": "Hi",
    "stream": True,
    "tools": [PATCH, AGENTS],
    "reasoning": {"summary": "auto"},
    "include": ["reasoning.encrypted_content"],
}


def test_interleaved_calls_of_an_openai_upstream():
    chunks = [
        piece(reasoning_content="Hm"),
        piece(content="Well"),
        call(0, "", id="call_1", name="patch"),
        call(1, "{}", id="call_2", name="agents__close"),
        call(0, '{"input":"*** Begin"}'),
        piece("tool_calls"),
        USAGE_CHUNK,
    ]
    said, ended = relayed(ResponsesToOpenAI(asked_make(ASKED)), openai_stream(*chunks), wire=openai)
    assert ended
    final = response_read(said)
    assert [item["type"] for item in final["output"]] == ["reasoning", "message", "custom_tool_call", "function_call"]
    assert final["output"][2]["input"] == "*** Begin"
    assert (final["output"][3]["namespace"], final["output"][3]["name"]) == ("agents", "close")
    assert final["usage"]["input_tokens_details"]["cached_tokens"] == 20


def test_signed_thoughts_of_an_anthropic_upstream_come_back_to_it():
    thinking = [
        start(0, type="thinking", thinking="", signature=""),
        delta(0, "thinking_delta", thinking="Hm"),
        delta(0, "signature_delta", signature="c2ln"),
        stop(0),
    ]
    call_ = call_block(2, "patch", '{"input":"x"}')
    stream = anthropic_stream(START, *thinking, *text_block(1, "Well"), *call_, end("tool_use"), STOP)
    asked = asked_make(ASKED, upstream_model="claude-sonnet-4-5")
    said, ended = relayed(ResponsesToAnthropic(asked), stream, wire=anthropic)
    assert ended
    output = response_read(said)["output"]
    assert output[0]["summary"] == [{"type": "summary_text", "text": "Hm"}]
    result = {"type": "custom_tool_call_output", "call_id": "toolu_1", "output": "Done"}
    again = asked_make({**ASKED, "input": [{"role": "user", "content": "Hi"}, *output, result]})
    turns = sent(ResponsesToAnthropic(again))["messages"]
    assert turns[1]["content"][0] == {"type": "thinking", "thinking": "Hm", "signature": "c2ln"}
    assert json.dumps(turns[1]["content"][2]["input"]) == '{"input": "x"}'
    assert turns[2]["content"][0]["tool_use_id"] == "toolu_1"
