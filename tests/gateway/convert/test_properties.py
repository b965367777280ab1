"""For any legal upstream: any chunking gives the same bytes, the grammar holds, and a round trip keeps the meaning."""

import json
from itertools import pairwise

from hypothesis import given, settings, strategies as st

from gateway.wire import anthropic, openai
from gateway.wire.body import BodyInvalid
from gateway.wire.sse import EventParser
from tests.gateway.convert.asks import (
    START,
    STOP,
    USAGE_CHUNK,
    anthropic_stream,
    call,
    call_block,
    completion_read,
    delta,
    end,
    message_read,
    openai_stream,
    piece,
    relayed,
    relayed_events,
    sent,
    start,
    stop,
    text_block,
    to_anthropic,
    to_openai,
)

NAMES = ("look", "seek")
text = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
inputs = st.dictionaries(text, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | text, max_size=2)


@st.composite
def openai_upstreams(draw):
    """(chunks, texts, thoughts, calls): pieces of calls interleaved at will, as long as each call's are in order."""
    calls = draw(st.lists(st.tuples(st.sampled_from(NAMES), inputs), max_size=3))
    waiting = [_fragments(draw, at, name, given_) for at, (name, given_) in enumerate(calls)]
    chunks, texts, thoughts = [], "", ""
    for _ in range(draw(st.integers(0, 4))):
        said, kind = draw(text), draw(st.sampled_from(("content", "reasoning_content")))
        chunks.append(piece(**{kind: said}))
        texts += said if kind == "content" else ""
        thoughts += said if kind == "reasoning_content" else ""
    while any(waiting):
        chunks.append(draw(st.sampled_from([one for one in waiting if one])).pop(0))
        if draw(st.booleans()):
            chunks.append(draw(st.sampled_from((b": hello\n\n", piece(content="", tool_calls=None)))))
    finish = piece("tool_calls" if calls else draw(st.sampled_from(("stop", "length"))))
    return [*chunks, finish, USAGE_CHUNK], texts, thoughts, calls


def _fragments(draw, at, name, given_):
    written = json.dumps(given_)
    cut = draw(st.integers(0, len(written)))
    pieces = [call(at, "", id=f"call_{at}", name=name), call(at, written[:cut]), call(at, written[cut:])]
    return draw(st.sampled_from((pieces, [call(at, written, id=f"call_{at}", name=name)])))


@st.composite
def anthropic_upstreams(draw):
    events, texts, thoughts, calls = [START], "", "", []
    for index in range(draw(st.integers(0, 4))):
        match draw(st.sampled_from(("text", "thinking", "call", "server"))):
            case "text":
                pieces = draw(st.lists(text, max_size=3))
                texts += "".join(pieces)
                events += text_block(index, *pieces)
            case "thinking":
                said = draw(text)
                thoughts += said
                signature = delta(index, "signature_delta", signature="c2ln")
                events += [start(index, type="thinking", thinking="", signature="")]
                events += [delta(index, "thinking_delta", thinking=said), signature, stop(index)]
            case "call":
                name, given_ = draw(st.sampled_from(NAMES)), draw(inputs)
                written = json.dumps(given_)
                cut = draw(st.integers(0, len(written)))
                calls.append((name, given_))
                events += call_block(index, name, "", written[:cut], written[cut:], call_id=f"toolu_{index}")
            case _:
                events += [start(index, type="server_tool_use", id="s", name="web_search", input={})]
                events += [delta(index, "input_json_delta", partial_json="{}"), stop(index)]
        events += draw(st.sampled_from(([], [{"type": "ping"}])))
    return [*events, end("tool_use" if calls else "end_turn"), STOP], texts, thoughts, calls


@settings(deadline=None)
@given(openai_upstreams())
def test_any_openai_upstream_gives_the_anthropic_grammar(upstream):
    chunks, texts, thoughts, calls = upstream
    stream, ended = relayed(to_openai(stream=True), openai_stream(*chunks), wire=openai)
    assert ended
    message = message_read(stream)
    by_kind = {
        kind: [one for one in message["content"] if one["type"] == kind] for kind in ("text", "thinking", "tool_use")
    }
    assert "".join(one["text"] for one in by_kind["text"]) == texts
    assert "".join(one["thinking"] for one in by_kind["thinking"]) == thoughts
    told = sorted((one["id"], one["name"], one["input"]) for one in by_kind["tool_use"])
    assert told == [(f"call_{at}", name, given_) for at, (name, given_) in enumerate(calls)]
    assert message["usage"]["output_tokens"] == 7


@settings(deadline=None)
@given(anthropic_upstreams())
def test_any_anthropic_upstream_gives_legal_chunks(upstream):
    events, texts, thoughts, calls = upstream
    stream, ended = relayed(to_anthropic(stream=True), anthropic_stream(*events), wire=anthropic)
    assert ended
    read = completion_read(stream)
    assert read["message"]["content"] == texts
    assert read["message"].get("reasoning_content", "") == thoughts
    assert [(one["name"], json.loads(one["arguments"])) for one in read["message"]["tool_calls"]] == calls
    assert read["finish_reason"] == ("tool_calls" if calls else "stop")


def chunked(data, cuts):
    parser, edges = EventParser(), sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for begin, finish in pairwise(edges):
        yield from parser.feed(data[begin:finish])
    yield from parser.finish()


cuts = st.lists(st.integers(0, 10_000), max_size=12)


@settings(deadline=None)
@given(openai_upstreams(), cuts)
def test_bytes_to_anthropic_do_not_depend_on_where_the_socket_cuts(upstream, where):
    data = openai_stream(*upstream[0])
    whole = relayed(to_openai(stream=True), data, wire=openai)
    assert relayed_events(to_openai(stream=True), chunked(data, where), wire=openai) == whole


@settings(deadline=None)
@given(anthropic_upstreams(), cuts)
def test_bytes_to_openai_do_not_depend_on_where_the_socket_cuts(upstream, where):
    data = anthropic_stream(*upstream[0])
    whole = relayed(to_anthropic(stream=True), data, wire=anthropic)
    assert relayed_events(to_anthropic(stream=True), chunked(data, where), wire=anthropic) == whole


@settings(deadline=None)
@given(openai_upstreams(), st.integers(0, 100_000))
def test_a_cut_openai_stream_never_ends_properly(upstream, at):
    data = openai_stream(*upstream[0])
    end_of_all = data.rindex(b"[DONE]") + len("[DONE]")
    stream, ended = relayed(to_openai(stream=True), data[: at % end_of_all], wire=openai)
    assert not ended
    message_read(stream, ended=False)


@settings(deadline=None)
@given(anthropic_upstreams(), st.integers(0, 100_000))
def test_a_cut_anthropic_stream_never_ends_properly(upstream, at):
    data = anthropic_stream(*upstream[0])
    last = data.rindex(b"message_stop") + len('message_stop"')
    stream, ended = relayed(to_anthropic(stream=True), data[: at % last], wire=anthropic)
    assert not ended
    completion_read(stream, ended=False)


@st.composite
def conversations(draw):
    """OpenAI conversations as clients have them: turns that alternate, every call with its result, in any order."""
    messages = [{"role": "system", "content": draw(text) + "."}] if draw(st.booleans()) else []
    for turn in range(draw(st.integers(1, 3))):
        messages.append({"role": "user", "content": f"{draw(text)}?"})
        calls = [
            {
                "id": f"call_{turn}_{at}",
                "type": "function",
                "function": {"name": draw(st.sampled_from(NAMES)), "arguments": _written(draw)},
            }
            for at in range(draw(st.integers(0, 3)))
        ]
        said = f"{draw(text)}." if draw(st.booleans()) or not calls else None
        messages.append({"role": "assistant", "content": said, **({"tool_calls": calls} if calls else {})})
        order = draw(st.permutations(calls))
        messages += [{"role": "tool", "tool_call_id": one["id"], "content": f"{draw(text)}."} for one in order]
        if calls:
            messages.append({"role": "assistant", "content": f"{draw(text)}."})
    return [*messages, {"role": "user", "content": f"{draw(text)}?"}]


def _written(draw):
    return json.dumps(draw(inputs), ensure_ascii=False, separators=(",", ":"))


tools = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in NAMES
]


@settings(deadline=None)
@given(conversations(), st.sampled_from((None, "auto", "required", "none")), st.booleans())
def test_a_round_trip_keeps_the_meaning(messages, choice, serial):
    request = {"messages": messages, "tools": tools, "temperature": 0.5, "stop": ["END"], "max_tokens": 50}
    request |= {"tool_choice": choice} if choice else {}
    request |= {"parallel_tool_calls": False, "tool_choice": choice or "auto"} if serial and choice != "none" else {}
    there = sent(to_anthropic(**request))
    back = sent(to_openai(**{name: value for name, value in there.items() if name != "model"}))
    assert back == {**request, "model": "upstream-1"}


_WORDS = (
    *(
        "role",
        "content",
        "type",
        "text",
        "source",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "id",
        "input",
        "data",
    ),
    *(
        "tool_use_id",
        "tool_call_id",
        "image_url",
        "url",
        "format",
        "schema",
        "effort",
        "json_schema",
        "allowed_tools",
        "tools",
    ),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(("text", "user", "assistant", "tool_use", "x")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_WORDS), inner, max_size=4),
    max_leaves=12,
)
_FIELDS = (
    *("system", "tools", "tool_choice", "thinking", "output_config", "metadata", "stop_sequences", "stop", "functions"),
    *("response_format", "reasoning", "reasoning_effort", "user", "temperature", "function_call"),
)


turns = st.fixed_dictionaries(
    {"role": st.sampled_from(("user", "assistant", "system", "tool")), "content": json_values},
    optional={"tool_calls": json_values, "reasoning_details": json_values, "tool_call_id": json_values},
)


@settings(max_examples=300, deadline=None)
@given(st.lists(turns, min_size=1, max_size=3), st.dictionaries(st.sampled_from(_FIELDS), json_values, max_size=4))
def test_no_request_of_any_shape_is_our_fault(messages, fields):
    for ask in (to_openai, to_anthropic):
        try:
            body = sent(ask(messages=messages, **fields))
        except BodyInvalid as refused:
            assert refused.message
        else:
            assert body["messages"]


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(("choices", "content", "usage", "id", "stop_reason", "stop_details")), json_values)
)
def test_no_answer_of_any_shape_is_our_fault(answer):
    for ask in (to_openai, to_anthropic):
        try:
            json.loads(ask().answer(json.dumps(answer).encode()))
        except BodyInvalid as refused:
            assert refused.message
