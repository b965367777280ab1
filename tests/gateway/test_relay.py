"""The straight path on a real socket: bytes relayed, names swapped, usage metered, the charge exact and first."""

import json
from typing import Any

import psycopg
import pytest
from django.db import connection

from catalog.pricing import Usage
from tests.gateway.platform import is_uuid7, price_of, wait_until
from tests.gateway.protocols import ANTHROPIC, HELLO, OPENAI, both, streamed_and_not
from tests.gateway.rawclient import RawClient, body_of
from tests.upstreams import scripts, wire
from tests.upstreams.server import Gate


@both
def test_a_whole_answer_comes_byte_for_byte_and_is_charged_exactly(gateway_server, customer, protocol):
    body = protocol.answer("Zwei Pfläumchen 🍑", unknown_field={"kept": [1.50, "x"], "model": "inner"})
    model = gateway_server.model(scripts.whole(body), protocol=protocol.name)
    with gateway_server.client(customer) as client:
        answer = client.post(protocol.path, json={"model": model.public_id, **protocol.body})
    assert answer.status_code == 200
    assert answer.content == wire.for_client(body, model.public_id)
    assert answer.headers["content-type"] == "application/json"
    [row] = customer.used()
    assert row.usage == Usage(input_tokens=1000, output_tokens=200)
    assert row.charge_nanos == price_of(row.usage) == 6_000_000
    assert customer.wallet().balance_nanos == 10_000_000_000 - 6_000_000
    assert str(row.id) == answer.headers["x-request-id"] == answer.headers["request-id"]
    assert is_uuid7(answer.headers["x-request-id"])
    assert (row.outcome, row.source, row.api_key_id) == ("completed", "upstream", customer.api_key_id)
    assert (row.client_protocol, row.upstream_protocol) == (protocol.name, protocol.name)


@both
def test_a_stream_comes_byte_for_byte_and_is_charged_exactly(gateway_server, customer, protocol):
    pieces = protocol.stream("Zwei ", "Pfläumchen 🍑")
    model = gateway_server.model(scripts.stream(*pieces), protocol=protocol.name)
    asked = {"stream_options": {"include_usage": True}} if protocol is OPENAI else {}
    with gateway_server.client(customer) as client:
        answer = client.post(protocol.path, json={"model": model.public_id, "stream": True, **asked, **protocol.body})
    assert answer.status_code == 200
    assert answer.content == wire.for_client(b"".join(pieces), model.public_id)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    [row] = customer.used()
    assert row.usage == Usage(input_tokens=1000, output_tokens=200)
    assert row.charge_nanos == price_of(row.usage)
    assert (row.outcome, row.source) == ("completed", "upstream")
    assert row.first_content_ms is not None
    assert str(row.id) == answer.headers["x-request-id"]


@both
def test_the_upstream_gets_what_the_client_sent(gateway_server, customer, protocol):
    model = gateway_server.model(scripts.whole(protocol.answer()), protocol=protocol.name)
    more = b'"zebra" :\t[ 1.50,{"model":"inner"}, "\\u00fc" ],"temperature":0.30,"a\\u0062":null'
    body = b'{"model":"%s",%s,%s}' % (model.public_id.encode(), more, json.dumps(protocol.body).encode()[1:-1])
    with gateway_server.client(customer) as client:
        assert client.post(protocol.path, content=body, headers={"x-secret": "for us only"}).status_code == 200
    request = model.requests()[0]
    assert request.body.startswith(
        b'{"model":"%s","zebra":[ 1.50,{"model":"inner"}, "\\u00fc" ],"temperature":0.30,"ab":null,'
        % model.upstream_models[0].encode()
    )
    assert request.json["messages"] == HELLO
    assert (request.method, request.target) == ("POST", protocol.path)
    assert customer.key not in str(request.headers)
    assert "for us only" not in str(request.headers)
    style = "authorization" if protocol is OPENAI else "x-api-key"
    assert "provider-credential" in (request.header(style) or "")


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": False, "x": 1}}], ids=["none", "off"])
def test_usage_is_asked_for_upstream_and_stripped_when_the_client_did_not_ask(gateway_server, customer, options):
    pieces = wire.openai_stream()
    model = gateway_server.model(scripts.stream(*pieces))
    body = {"model": model.public_id, "messages": HELLO, "stream": True, **options}
    with gateway_server.client(customer) as client:
        answer = client.post("/v1/chat/completions", json=body)
    without = [piece for piece in pieces if piece != wire.openai_usage()]
    assert answer.content == wire.for_client(b"".join(without), model.public_id)
    sent = model.requests()[0].json["stream_options"]
    assert sent == {**options.get("stream_options", {}), "include_usage": True}
    [row] = customer.used()
    assert row.charge_nanos == price_of(Usage(input_tokens=1000, output_tokens=200))


@both
@streamed_and_not
def test_no_header_of_the_upstream_reaches_the_client(gateway_server, customer, protocol, streamed):
    script = (
        scripts.stream(*protocol.stream(), headers=scripts.HOSTILE_HEADERS)
        if streamed
        else scripts.whole(protocol.answer(), headers=scripts.HOSTILE_HEADERS)
    )
    model = gateway_server.model(script, protocol=protocol.name)
    with gateway_server.client(customer) as client:
        answer = client.post(protocol.path, json={"model": model.public_id, "stream": streamed, **protocol.body})
    assert answer.status_code == 200
    limits = ("x-ratelimit-", "anthropic-ratelimit-")
    ours = {"x-request-id", "request-id", "x-tokenoutput-request-id", "content-type", "content-length", "date"}
    ours |= {"transfer-encoding", "cache-control", "x-accel-buffering"}
    assert {name for name in answer.headers if not name.startswith(limits)} <= ours
    assert not set(answer.headers.values()) & set(scripts.HOSTILE_HEADERS.values())


@both
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_where_the_upstreams_bytes_are_cut_makes_no_difference(gateway_server, customer, protocol, size):
    whole = b"".join(protocol.stream("Zwei ", "Pfläumchen 🍑"))
    parts = [whole[at : at + size] for at in range(0, len(whole), size)]
    model = gateway_server.model(scripts.stream(*parts), protocol=protocol.name)
    body = {"model": model.public_id, "stream": True, "stream_options": {"include_usage": True}, **protocol.body}
    with gateway_server.client(customer) as client:
        answer = client.post(protocol.path, json=body)
    assert answer.content == wire.for_client(whole, model.public_id)
    [row] = customer.used()
    assert row.charge_nanos == price_of(Usage(input_tokens=1000, output_tokens=200))


def test_a_stream_of_crlf_comments_and_a_bom_comes_as_it_is(gateway_server, customer):
    pieces = [
        b"\xef\xbb\xbf: WAITING\r\n\r\n",
        wire.openai_chunk({"role": "assistant", "content": "Zwei"}).replace(b"\n", b"\r\n"),
        b": still here\n\n",
        wire.openai_chunk({}, "stop", usage=wire.OPENAI_USAGE),
        wire.DONE,
    ]
    model = gateway_server.model(scripts.stream(*pieces))
    with gateway_server.client(customer) as client:
        answer = client.post("/v1/chat/completions", json={"model": model.public_id, "messages": HELLO, "stream": True})
    assert answer.content == wire.for_client(b"".join(pieces), model.public_id)
    [row] = customer.used()
    assert row.usage == Usage(input_tokens=1000, output_tokens=200)


@both
def test_the_charge_is_durable_before_the_end_is_sent(gateway_server, customer, protocol):
    """With the wallet locked the charge cannot commit: all of the answer comes but its end, then the end comes."""
    gate = Gate()
    *pieces, end = protocol.stream()
    model = gateway_server.model(scripts.stream(*pieces, gate, end), protocol=protocol.name)
    with RawClient(gateway_server.url) as client, psycopg.connect(**_database()) as locker:
        client.post(protocol.path, {"model": model.public_id, "stream": True, **protocol.body}, headers=customer.bearer)
        client.read_until(b"plums")
        gate.wait_reached()
        locker.execute("SELECT 1 FROM wallet WHERE id = %s FOR UPDATE", [customer.wallet().wallet_id])
        gate.open()
        wait_until(_somebody_waits_for_a_lock, "the charge waits for the wallet")
        assert protocol.proper_end not in body_of(client.received)
        assert customer.usage() == []
        locker.rollback()
        client.read_until(protocol.proper_end)
        assert len(customer.usage()) == 1


def _database() -> dict[str, Any]:
    where = connection.settings_dict
    names = {"HOST": "host", "PORT": "port", "NAME": "dbname", "USER": "user", "PASSWORD": "password"}
    return {names[name]: where[name] for name in names if where[name]}


def _somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])


USAGES: dict[str, tuple[dict[str, Any], Usage]] = {
    # what the upstream says: what is charged
    "cached": (
        {"prompt_tokens": 1000, "completion_tokens": 200, "prompt_tokens_details": {"cached_tokens": 600}},
        Usage(input_tokens=400, cache_read_tokens=600, output_tokens=200),
    ),
    "reasoning beside": (
        {
            "prompt_tokens": 1000,
            "completion_tokens": 200,
            "total_tokens": 1500,
            "completion_tokens_details": {"reasoning_tokens": 300},
        },
        Usage(input_tokens=1000, output_tokens=500, reasoning_tokens=300),
    ),
    "negative": ({"prompt_tokens": 1000, "completion_tokens": -5}, Usage(input_tokens=1000)),
}


@pytest.mark.parametrize("name", USAGES)
@streamed_and_not
def test_usage_in_its_many_forms_is_charged_by_bucket(gateway_server, customer, name, streamed):
    reported, usage = USAGES[name]
    script = (
        scripts.stream(*wire.openai_stream(usage=reported))
        if streamed
        else scripts.whole(wire.openai_answer(usage=reported))
    )
    model = gateway_server.model(script)
    with gateway_server.client(customer) as client:
        client.post(
            "/v1/chat/completions", json={"model": model.public_id, "messages": HELLO, "stream": streamed}
        ).raise_for_status()
    [row] = customer.used()
    assert row.usage == usage
    assert row.charge_nanos == price_of(usage)


@pytest.mark.parametrize("second", [(1000, 200), (1000, 5), (-7, -7), (10**18, 10**18)], ids=str)
def test_usage_that_comes_twice_is_charged_once(gateway_server, customer, second):
    """Again the same, smaller, negative or absurd: what was good stays."""
    prompt, completion = second
    *pieces, done = wire.openai_stream()
    again = wire.openai_usage({"prompt_tokens": prompt, "completion_tokens": completion})
    model = gateway_server.model(scripts.stream(*pieces, again, done))
    with gateway_server.client(customer) as client:
        body = {"model": model.public_id, "messages": HELLO, "stream": True}
        client.post("/v1/chat/completions", json=body).raise_for_status()
    [row] = customer.used()
    assert row.usage == Usage(input_tokens=1000, output_tokens=200)
    assert row.charge_nanos == price_of(row.usage)


@both
@pytest.mark.parametrize(
    "garbage", [b"data: {not json\n\n", b"data: [1]\n\n", b"\xff\xfe: ?\n\n", b"data\n\n"], ids=repr
)
def test_an_event_that_cannot_be_read_neither_ends_nor_changes_the_bill(gateway_server, customer, protocol, garbage):
    pieces = [*protocol.start, protocol.text("Two plums"), garbage, *protocol.stream()[len(protocol.start) :]]
    model = gateway_server.model(scripts.stream(*pieces), protocol=protocol.name)
    with gateway_server.client(customer) as client:
        asked = {"stream_options": {"include_usage": True}} if protocol is OPENAI else {}
        body = {"model": model.public_id, "stream": True, **protocol.body, **asked}
        answer = client.post(protocol.path, json=body)
    assert answer.content == wire.for_client(b"".join(pieces), model.public_id)
    [row] = customer.used()
    assert (row.outcome, row.usage) == ("completed", Usage(input_tokens=1000, output_tokens=200))
    assert row.charge_nanos == price_of(row.usage)


def test_cache_writes_by_age_are_charged_apart(gateway_server, customer):
    reported = {
        "input_tokens": 10,
        "cache_read_input_tokens": 1000,
        "cache_creation_input_tokens": 300,
        "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
        "output_tokens": 1,
    }
    _, *rest = wire.anthropic_stream()
    model = gateway_server.model(scripts.stream(wire.anthropic_start(reported), *rest), protocol="anthropic_messages")
    with gateway_server.client(customer) as client:
        body = {"model": model.public_id, "stream": True, **ANTHROPIC.body}
        client.post("/v1/messages", json=body).raise_for_status()
    [row] = customer.used()
    assert row.usage == Usage(10, 1000, 100, 200, 200)
    # 10 x 3 + 1000 x 0.30 + 100 x 3.75 + 200 x 6 + 200 x 15 dollars per million
    assert row.charge_nanos == 4_905_000


@both
@streamed_and_not
@pytest.mark.parametrize("reported", [None, {}, "absurd"], ids=str)
def test_missing_usage_is_estimated_and_never_nothing(gateway_server, customer, protocol, streamed, reported):
    if reported == "absurd":
        reported = {"prompt_tokens": 10**18, "completion_tokens": 10**18, "input_tokens": 10**18}
    if protocol is OPENAI:
        pieces, whole = wire.openai_stream(usage=reported), wire.openai_answer(usage=reported)
    else:
        _, *rest = wire.anthropic_stream()
        rest[-2] = wire.anthropic_delta(reported or {})
        pieces, whole = [wire.anthropic_start(reported or {}), *rest], wire.anthropic_answer(usage=reported)
    model = gateway_server.model(scripts.stream(*pieces) if streamed else scripts.whole(whole), protocol=protocol.name)
    messages = [{"role": "user", "content": "x" * 5000}]
    with gateway_server.client(customer) as client:
        client.post(
            protocol.path, json={"model": model.public_id, "stream": streamed, **protocol.body, "messages": messages}
        ).raise_for_status()
    [row] = customer.used()
    assert row.source == "estimated"
    assert 1000 <= row.usage.input_tokens <= 1100
    assert row.usage.output_tokens == 2  # nine bytes of "Two plums"
    assert row.charge_nanos == price_of(row.usage)


def test_a_request_above_the_models_maximum_is_lowered_to_it(gateway_server, customer):
    model = gateway_server.model(scripts.whole(wire.openai_answer()))
    with gateway_server.client(customer) as client:
        client.post(
            "/v1/chat/completions", json={"model": model.public_id, "messages": HELLO, "max_tokens": 9_000_000}
        ).raise_for_status()
    assert model.requests()[0].json["max_tokens"] == 8000


def test_a_wallet_that_cannot_cover_the_most_it_can_cost_is_402(gateway_server):
    poor = gateway_server.customer(credit="0.01")
    model = gateway_server.model(scripts.whole(wire.openai_answer()))
    with gateway_server.client(poor) as client:
        body = {"model": model.public_id, "messages": HELLO, "max_tokens": 8000}
        refused = client.post("/v1/chat/completions", json=body)
        assert refused.status_code == 402
        error = refused.json()["error"]
        assert (error["type"], error["code"]) == ("insufficient_quota", "insufficient_balance")
        assert "Nothing was charged" in error["message"]
        small = client.post(
            "/v1/chat/completions", json={"model": model.public_id, "messages": HELLO, "max_tokens": 100}
        )
        assert small.status_code == 200
    assert len(model.requests()) == 1
    [row] = poor.used()
    assert row.charge_nanos == price_of(row.usage)


@both
def test_what_comes_after_the_end_comes_along(gateway_server, customer, protocol):
    sent = [*protocol.stream(), b": and goodbye\n\n"]
    model = gateway_server.model(scripts.stream(*sent), protocol=protocol.name)
    with gateway_server.client(customer) as client:
        answer = client.post(protocol.path, json={**protocol.body, "model": model.public_id, "stream": True})
    assert answer.content.endswith(b": and goodbye\n\n")
    assert len(customer.used()) == 1


@both
def test_a_last_event_without_its_blank_line_is_an_end_all_the_same(gateway_server, customer, protocol):
    """Also where nothing before it was content."""
    for events in (protocol.stream(), [*protocol.start, protocol.stream()[-1]]):
        if protocol.name == "openai_chat" and len(events) == 2:
            continue  # Without a finish reason `[DONE]` alone is no end.
        whole = b"".join(events)
        model = gateway_server.model(scripts.stream(whole.rstrip(b"\n")), protocol=protocol.name)
        with gateway_server.client(customer) as client:
            answer = client.post(protocol.path, json={**protocol.body, "model": model.public_id, "stream": True})
        assert answer.status_code == 200
        assert b'"error"' not in answer.content
        assert protocol.proper_end.strip() in answer.content
