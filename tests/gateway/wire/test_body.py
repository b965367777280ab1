"""Bodies by their members: refused when they are no JSON object, otherwise changed nowhere but where we mean to."""

import json
import time

import msgspec
import pytest
from hypothesis import given, strategies as st

from gateway.wire.body import (
    MEMBERS_MAX,
    BodyInvalid,
    members_decode,
    members_encode,
    model_replace,
    value_decode,
)

DEEP = b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "empty"),
        (b"   ", "not JSON"),
        (b"[]", "object"),
        (b'"text"', "object"),
        (b"null", "object"),
        (b"{", "not JSON"),
        (b'{"a":1} x', "not JSON"),
        (b'{"a":NaN}', "not JSON"),
        (b'{"a":Infinity}', "not JSON"),
        (b"{'a':1}", "not JSON"),
        (b'{"a":[1,]}', "not JSON"),
        (b'{"a":"\x00"}', "not JSON"),
        (b"\x00", "not JSON"),
        (b'\xef\xbb\xbf{"a":1}', "not JSON"),
        (b'{"a":"\\ud800 alone"}', "not JSON"),
        (b'{"a":{"deep down":"\\udc00"}}', "not JSON"),
        (b'{"a":"\xff"}', "UTF-8"),
        (b'{"a":["\xe2\x82"]}', "UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "UTF-8"),
        (DEEP, "deeply"),
        (b"{" + b",".join(b'"%d":0' % i for i in range(MEMBERS_MAX + 1)) + b"}", "members"),
    ],
    ids=lambda value: repr(value[:20]) if isinstance(value, bytes) else value,
)
def test_what_is_no_json_object_is_refused_at_once(body, word):
    started = time.perf_counter()
    with pytest.raises(BodyInvalid, match=word):
        members_decode(body)
    assert time.perf_counter() - started < 0.1


def test_a_value_that_is_too_deep_or_out_of_range_is_refused():
    with pytest.raises(BodyInvalid, match="deeply"):
        value_decode(DEEP)
    with pytest.raises(BodyInvalid, match="JSON"):
        value_decode(b"1e999")
    assert value_decode(msgspec.Raw(b"[1]")) == [1]


def test_of_members_that_come_twice_the_last_is_kept():
    assert members_encode(members_decode(b'{"a":1,"b":2,"a": 3}')) == b'{"a":3,"b":2}'


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.just("model"), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.text(max_size=5) | st.sampled_from(["model", "message"])
spaces = st.text(" \t\r\n", max_size=3).map(str.encode)


@st.composite
def objects(draw):
    """A JSON object as (key, value) texts, with odd spaces and escapes, and its bytes."""
    members = []
    for key in draw(st.lists(KEYS, max_size=6, unique=True)):
        value = json.dumps(draw(json_values), ensure_ascii=draw(st.booleans()), indent=draw(st.none() | st.just(1)))
        members.append((key, _key_text(draw, key), value.encode("utf-8", "surrogatepass")))
    around = [[draw(spaces) for _ in range(4)] for _ in members]
    return members, around


def _key_text(draw, key: str) -> bytes:
    if draw(st.booleans()):
        return ('"' + "".join(f"\\u{ord(c):04x}" if ord(c) < 0x10000 else c for c in key) + '"').encode()
    return json.dumps(key, ensure_ascii=draw(st.booleans())).encode()


def _render(members, around) -> bytes:
    parts = [a + key + b + b":" + c + value + d for (_, key, value), (a, b, c, d) in zip(members, around, strict=True)]
    return b"{" + b",".join(parts) + b"}"


def _valid(body: bytes) -> bool:
    try:
        members_decode(body)
    except BodyInvalid:
        return False
    return True


@given(objects())
def test_members_survive_byte_for_byte(drawn):
    members, around = drawn
    body = _render(members, around)
    if not _valid(body):  # Lone surrogates, drawn now and then.
        return
    decoded = members_decode(body)
    assert {key: bytes(raw) for key, raw in decoded.items()} == {key: value for key, _, value in members}
    assert members_decode(members_encode(decoded)) == decoded


@given(objects(), st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8))
def test_only_the_value_of_model_changes(drawn, public_id):
    members, around = drawn
    body = _render(members, around)
    if not _valid(body):
        return
    wanted = [(key, text, msgspec.json.encode(public_id) if key == "model" else value) for key, text, value in members]
    assert model_replace(body, public_id) == _render(wanted, around)


@given(objects(), objects(), st.text(alphabet="abc-", max_size=8))
def test_only_the_value_of_the_messages_model_changes(drawn, inner_drawn, public_id):
    inner, inner_around = inner_drawn
    members, around = drawn
    if not _valid(_render(members, around)) or not _valid(_render(inner, inner_around)):
        return
    members = [each for each in members if each[0] != "message"]
    value, wanted = (
        _render(
            [(k, t, msgspec.json.encode(public_id) if swap and k == "model" else v) for k, t, v in inner], inner_around
        )
        for swap in (False, True)
    )
    around = [*around[: len(members)], [b"", b" ", b" ", b""]]
    body = _render([*members, ("message", b'"message"', value)], around)
    expected = _render([*members, ("message", b'"message"', wanted)], around)
    assert model_replace(body, public_id, nested="message") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"model":"up"}', b'{"model":"pub"}'),
        (b'{"model" :\n null }', b'{"model" :\n "pub" }'),
        (b'{"model":"pub","x":1}', b'{"model":"pub","x":1}'),
        (b'{"x":{"model":"up"},"mod\\u0065l":"up"}', b'{"x":{"model":"up"},"mod\\u0065l":"pub"}'),
        (b'{"say":"\\"model\\":\\"up\\"","model":"up"}', b'{"say":"\\"model\\":\\"up\\"","model":"pub"}'),
        (b'{"a":["model"],"model":{"b":[1,{}]},"c":"}"}', b'{"a":["model"],"model":"pub","c":"}"}'),
        (b'{"model":"first","model":"last"}', b'{"model":"first","model":"pub"}'),
        (b'{"x":{"model":1}}', b'{"x":{"model":1}}'),
        (b"[DONE]", b"[DONE]"),
        (b"<html>", b"<html>"),
        (b'["model"]', b'["model"]'),
        (DEEP, DEEP),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_models_in_odd_places(body, expected):
    assert model_replace(body, "pub") == expected


def test_a_message_that_is_no_object_has_no_model():
    assert model_replace(b'{"message":"model"}', "pub", nested="message") == b'{"message":"model"}'
    assert model_replace(b'{"model":"up"}', "pub", nested="message") == b'{"model":"up"}'
    assert model_replace(b'{"message":{}}', "pub", nested="message") == b'{"message":{}}'


def test_many_models_take_no_more_than_a_moment():
    body = b'{"a":[' + b",".join([b'{"model":1}'] * 50_000) + b'],"model":"up"}'
    started = time.perf_counter()
    assert model_replace(body, "pub").endswith(b'"model":"pub"}')
    assert time.perf_counter() - started < 1.5
