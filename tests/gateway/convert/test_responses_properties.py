"""Responses, for any legal upstream of either protocol: the grammar holds, and cuts of the socket change nothing."""

import json

from hypothesis import given, settings, strategies as st

from gateway.convert.responses import ResponsesToAnthropic, ResponsesToOpenAI
from gateway.wire import anthropic, openai
from tests.gateway.convert.asks import anthropic_stream, asked_make, openai_stream, relayed, relayed_events
from tests.gateway.convert.responses_read import response_read
from tests.gateway.convert.test_properties import NAMES, anthropic_upstreams, chunked, cuts, openai_upstreams

TOOLS = [{"type": "function", "name": name} for name in NAMES]


def conversion_of(wire, *, summary):
    asked = {"model": "public-1", "input": "Hi", "stream": True, "tools": TOOLS}
    asked |= {"reasoning": {"summary": "auto"}} if summary else {}
    if wire is openai:
        return ResponsesToOpenAI(asked_make(asked))
    return ResponsesToAnthropic(asked_make(asked, upstream_model="claude-sonnet-4-5"))


upstreams = st.one_of(
    st.tuples(st.just(openai), openai_upstreams()), st.tuples(st.just(anthropic), anthropic_upstreams())
)


def bytes_of(wire, events):
    return openai_stream(*events) if wire is openai else anthropic_stream(*events)


@settings(deadline=None)
@given(upstreams, cuts, st.booleans())
def test_any_upstream_gives_a_legal_response_wherever_the_socket_cuts(upstream, where, summary):
    wire, (events, texts, thoughts, calls) = upstream
    data = bytes_of(wire, events)
    stream, ended = relayed_events(conversion_of(wire, summary=summary), chunked(data, where), wire=wire)
    assert ended
    assert stream == relayed(conversion_of(wire, summary=summary), data, wire=wire)[0]
    output = response_read(stream)["output"]
    by_kind = {
        kind: [one for one in output if one["type"] == kind] for kind in ("message", "reasoning", "function_call")
    }
    assert "".join(one["content"][0]["text"] for one in by_kind["message"]) == texts
    told = [part for one in by_kind["reasoning"] for part in one["summary"] + one.get("content", [])]
    assert "".join(part["text"] for part in told) == thoughts
    assert sorted((one["name"], one["arguments"]) for one in by_kind["function_call"]) == sorted(
        (name, json.dumps(given_)) for name, given_ in calls
    )


@settings(deadline=None)
@given(upstreams, st.integers(0, 100_000))
def test_a_cut_upstream_is_never_a_whole_response(upstream, at):
    wire, (events, *_) = upstream
    data = bytes_of(wire, events)
    last = b"[DONE]" if wire is openai else b'message_stop"'
    cut = data[: at % (data.rindex(last) + len(last))]
    stream, ended = relayed(conversion_of(wire, summary=True), cut, wire=wire)
    assert not ended
    response_read(stream, ended=False)
