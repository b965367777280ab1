"""The tables both rows share: names, ids, schemas, models, and the rows that relay bytes."""

import json

import pytest

from gateway.convert import CONVERSIONS
from gateway.convert.fields import Drops
from gateway.convert.models import anthropic_model, openai_model
from gateway.convert.names import ENCODED, ToolNames, id_to_anthropic, id_to_openai
from gateway.convert.schemas import DEPTH_MAX, schema_closed, schema_of_tool, strict_ready
from gateway.wire.sse import EventParser
from tests.gateway.convert.asks import HI, asked_make, openai_stream, piece

CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
OPEN = {"type": "object", "properties": {"a": {"type": "string"}}}


def nested(schema, depth):
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "ready"),
    [
        (CLOSED, True),
        (OPEN, False),
        ({**CLOSED, "required": []}, False),
        ({**CLOSED, "required": "a"}, False),
        ({"type": "object", "additionalProperties": False}, True),
        ({"anyOf": [CLOSED, {"type": "null"}]}, True),
        ({"anyOf": [CLOSED, OPEN]}, False),
        ({**CLOSED, "$defs": {"b": OPEN}}, False),
        ({**CLOSED, "examples": [OPEN]}, True),
        ({**CLOSED, "properties": {"a": OPEN}}, False),
        (nested(CLOSED, DEPTH_MAX), False),
    ],
)
def test_schemas_that_may_be_strict(schema, ready):
    assert strict_ready(schema) is ready


def test_schemas_are_closed_all_the_way_down_and_data_in_them_is_not():
    schema = {
        "type": "object",
        "properties": {"a": OPEN, "type": {"type": "string"}},
        "$defs": {"b": OPEN},
        "anyOf": [OPEN, {"type": "object", "additionalProperties": True}],
        "default": {"type": "object"},
    }
    closed = {**OPEN, "additionalProperties": False}
    assert schema_closed(schema) == {
        "type": "object",
        "properties": {"a": closed, "type": {"type": "string"}},
        "$defs": {"b": closed},
        "anyOf": [closed, {"type": "object", "additionalProperties": True}],
        "default": {"type": "object"},
        "additionalProperties": False,
    }
    deep = nested(OPEN, DEPTH_MAX + 1)
    assert schema_closed(deep) == deep


@pytest.mark.parametrize("schema", [None, {}, {"type": "object"}, "x"])
def test_parameters_are_always_an_object(schema):
    assert schema_of_tool(schema) == {"type": "object", "properties": {}}


@pytest.mark.parametrize("name", ["look", "x" * 64])
def test_names_that_fit_stay(name):
    assert ToolNames().there(name) == name


@pytest.mark.parametrize("name", ["x" * 65, "files.read", "größe", ""])
def test_names_that_do_not_fit_come_back(name):
    names = ToolNames()
    short = names.there(name)
    assert short == names.there(name)
    assert 0 < len(short) <= 64
    assert names.back(short) == name


def test_names_that_begin_alike_differ():
    names = ToolNames()
    assert names.there("x" * 80 + "a") != names.there("x" * 80 + "b")


@pytest.mark.parametrize("given", ["functions.look:0", "ünïcode", f"{ENCODED}abc", "a b", ""])
def test_ids_go_there_and_back(given):
    assert id_to_openai(id_to_anthropic(given)) == given


@pytest.mark.parametrize("given", ["call_1", "toolu_01AbC-x"])
def test_ids_that_fit_stay(given):
    assert id_to_anthropic(given) == id_to_openai(given) == given


def test_ids_that_are_too_long_or_not_ours():
    assert len(id_to_openai("x" * 64)) <= 40
    assert id_to_openai("x" * 64) == id_to_openai("x" * 64)
    assert id_to_openai(f"{ENCODED}_w") == f"{ENCODED}_w"
    assert id_to_openai(f"{ENCODED}a") == f"{ENCODED}a"


@pytest.mark.parametrize(
    ("name", "adaptive", "sampling", "both", "structured"),
    [
        ("claude-3-5-sonnet-20241022", False, True, True, False),
        ("claude-sonnet-4-20250514", False, True, True, False),
        ("claude-opus-4-1-20250805", False, True, False, True),
        ("anthropic.claude-sonnet-4-5-v1:0", False, True, False, True),
        ("claude-opus-4.6", True, True, False, True),
        ("claude-opus-4-7", True, False, False, True),
        ("claude-sonnet-5", True, False, False, True),
        ("glm-4.7", False, True, True, False),
    ],
)
def test_claude_by_version(name, adaptive, sampling, both, structured):
    model = anthropic_model(name)
    assert (model.adaptive, model.sampling, model.both_sampling, model.structured) == (
        adaptive,
        sampling,
        both,
        structured,
    )


@pytest.mark.parametrize(
    ("name", "maximum", "high"),
    [
        ("o1", "max_completion_tokens", True),
        ("openai/o4-mini", "max_completion_tokens", True),
        ("gpt-5-chat-latest", "max_tokens", False),
        ("gpt-4.1", "max_tokens", False),
        ("olmo-2", "max_tokens", True),
        ("grok-4-1-fast-non-reasoning", "max_tokens", False),
        ("mistral-small-latest", "max_tokens", True),
    ],
)
def test_openai_models_by_name(name, maximum, high):
    model = openai_model(name, frozenset())
    assert (model.maximum, "high" in model.efforts) == (maximum, high)


def test_dropped_names_are_bounded():
    drops = Drops()
    for number in range(100):
        drops.add(f"field{number}")
    assert len(drops.names) == 32


def anthropic_event(kind, **members):
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()


@pytest.mark.parametrize("protocol", ["openai_chat", "anthropic_messages"])
def test_the_same_protocol_is_relayed(protocol):
    conversion = CONVERSIONS[protocol, protocol](
        asked_make({"model": "public-1", "messages": HI, "max_tokens": 5, "x": 1})
    )
    assert json.loads(conversion.body) == {"model": "upstream-1", "messages": HI, "max_tokens": 5, "x": 1}
    assert conversion.dropped == ()
    assert conversion.answer(b'{"model":"upstream-1" ,"y":1}') == b'{"model":"public-1" ,"y":1}'


def test_streams_of_the_same_protocol_are_relayed():
    openai = CONVERSIONS["openai_chat", "openai_chat"](
        asked_make({"model": "public-1", "messages": HI}, include_usage=False)
    ).stream()
    [said, usage] = EventParser().feed(openai_stream(piece(content="x"), {"choices": [], "usage": {}}, done=False))
    assert openai.feed(said, usage_only=False) == said.raw.replace(b"upstream-1", b"public-1")
    assert openai.feed(usage, usage_only=True) == b""
    anthropic = CONVERSIONS["anthropic_messages", "anthropic_messages"](
        asked_make({"model": "public-1", "messages": HI, "max_tokens": 5})
    ).stream()
    [begun, over] = EventParser().feed(
        anthropic_event("message_start", message={"model": "upstream-1"}) + anthropic_event("message_stop")
    )
    assert anthropic.feed(begun, usage_only=False) == begun.raw.replace(b"upstream-1", b"public-1")
    assert anthropic.feed(over, usage_only=False) == over.raw
    assert openai.finish() == anthropic.finish() == b""
