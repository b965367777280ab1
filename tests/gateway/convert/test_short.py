"""Streams that we end ourselves at a maximum: legal in the client's protocol, whatever was open."""

import json

import pytest

from catalog.pricing import Usage
from gateway.convert import CONVERSIONS
from gateway.wire.sse import EventParser
from tests.gateway.convert.asks import (
    START,
    anthropic_stream,
    asked_make,
    call,
    events_of,
    openai_stream,
    piece,
)

TOLD = Usage(input_tokens=40, cache_read_tokens=10, output_tokens=6)
HI = [{"role": "user", "content": "Hi"}]


def stopped(client, upstream, stream, *, cut=None, include_usage=True, **request):
    """The events that the client gets of a stream which we stop after its events (the first `cut` of them)."""
    asked = asked_make(
        {"model": "public-1", "max_tokens": 100, "messages": HI, "stream": True, **request}, include_usage=include_usage
    )
    converting = CONVERSIONS[client, upstream](asked).stream()
    said = b"".join(converting.feed(event, usage_only=False) for event in events_of(stream)[:cut])
    said += converting.stop_short(TOLD)
    return [event.data for event in EventParser().feed(said) if event.data]


def block(kind, index=0, **more):
    return {"type": f"content_block_{kind}", "index": index, **more}


OPENAI = openai_stream(piece(role="assistant", content=""), piece(content="Hel"), done=False)
ANTHROPIC = anthropic_stream(
    START,
    block("start", content_block={"type": "text", "text": ""}),
    block("delta", delta={"type": "text_delta", "text": "Hel"}),
)
UPSTREAMS = {"openai_chat": OPENAI, "anthropic_messages": ANTHROPIC}


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_an_openai_client_gets_length_usage_and_done(upstream):
    *chunks, done = stopped("openai_chat", upstream, UPSTREAMS[upstream])
    assert done == b"[DONE]"
    *_, last, usage = [json.loads(chunk) for chunk in chunks]
    assert [choice["finish_reason"] for choice in last["choices"]] == ["length"]
    assert usage["choices"] == []
    assert (usage["usage"]["prompt_tokens"], usage["usage"]["completion_tokens"]) == (50, 6)
    assert {json.loads(chunk)["id"] for chunk in chunks} == {last["id"]}
    assert last["model"] == usage["model"] == "public-1"


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_an_anthropic_client_gets_every_block_closed_and_max_tokens(upstream):
    events = [json.loads(data) for data in stopped("anthropic_messages", upstream, UPSTREAMS[upstream])]
    assert [event["type"] for event in events][-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert events[-2]["delta"] == {"stop_reason": "max_tokens", "stop_sequence": None}
    assert (events[-2]["usage"]["input_tokens"], events[-2]["usage"]["output_tokens"]) == (40, 6)
    opened = [event["index"] for event in events if event["type"] == "content_block_start"]
    assert opened == [event["index"] for event in events if event["type"] == "content_block_stop"]


def test_choices_that_finished_are_not_finished_again():
    chunk = {"choices": [{"index": 1, "delta": {}, "finish_reason": "stop"}]}
    *chunks, _ = stopped("openai_chat", "openai_chat", OPENAI + openai_stream(chunk, done=False), n=3)
    finished = [choice for data in chunks for choice in json.loads(data)["choices"] if choice["finish_reason"]]
    assert sorted((choice["index"], choice["finish_reason"]) for choice in finished) == [
        (0, "length"),
        (1, "stop"),
        (2, "length"),
    ]


def test_blocks_that_are_closed_stay_closed():
    more = anthropic_stream(
        block("stop"), block("start", 1, content_block={"type": "tool_use", "id": "t", "name": "f"})
    )
    events = [json.loads(data) for data in stopped("anthropic_messages", "anthropic_messages", ANTHROPIC + more)]
    assert [event["index"] for event in events if event["type"] == "content_block_stop"] == [0, 1]


def test_a_call_in_the_middle_of_its_arguments_is_closed():
    chunks = openai_stream(call(0, '{"a": ', id="call_1", name="f"), done=False)
    tools = [{"name": "f", "input_schema": {"type": "object"}}]
    events = [json.loads(data) for data in stopped("anthropic_messages", "openai_chat", chunks, tools=tools)]
    assert [event["type"] for event in events][-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert events[-2]["delta"]["stop_reason"] == "max_tokens"


def test_without_usage_nobody_is_told_any():
    *chunks, done = stopped("openai_chat", "openai_chat", OPENAI, include_usage=False)
    assert done == b"[DONE]"
    assert json.loads(chunks[-1])["choices"][0]["finish_reason"] == "length"
    assert not any("usage" in json.loads(chunk) for chunk in chunks)


def test_a_stop_of_a_block_that_was_never_open_opens_none():
    events = [
        json.loads(data)
        for data in stopped("anthropic_messages", "anthropic_messages", ANTHROPIC + anthropic_stream(block("stop", 7)))
    ]
    assert [event["index"] for event in events if event["type"] == "content_block_stop"] == [7, 0]
