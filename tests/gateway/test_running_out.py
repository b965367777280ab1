"""Money that runs out: streams hold slices and end cleanly, whole answers are asked for with what can be paid."""

import json
from typing import Any

import pytest
from django.db import connection, transaction

from billing.ledger import wallet_open
from catalog.money import usd_to_nanos
from catalog.pricing import Usage
from tests.gateway.convert.asks import completion_read, message_read
from tests.gateway.platform import price_of, served, wait_until
from tests.gateway.protocols import ANTHROPIC, HELLO, OPENAI, both
from tests.gateway.rawclient import RawClient
from tests.upstreams import scripts, wire
from tests.upstreams.server import Gate

BODIES: dict[str, dict[str, Any]] = {
    OPENAI.name: {"messages": HELLO},
    ANTHROPIC.name: {"messages": HELLO, "max_tokens": 8000},
}
rows = pytest.mark.parametrize(
    ("client", "source"),
    [(client, source) for client in (OPENAI, ANTHROPIC) for source in (OPENAI, ANTHROPIC)],
    ids=lambda protocol: protocol.name,
)
SLICE = price_of(Usage(output_tokens=4096))
# Bytes of text that may be about so many tokens; what is held counts three of them a token.
KILO = "plum " * 200


def held(customer):
    return customer.wallet().held_nanos


@both
def test_a_stream_holds_a_slice_at_first(gateway_server, customer, protocol):
    """Not 8,000 tokens: a huge or missing maximum blocks none of a customer's other requests."""
    gate = Gate()
    model = gateway_server.model(scripts.stream(gate, *protocol.stream()), protocol=protocol.name)
    with RawClient(gateway_server.url) as client:
        body = {"model": model.public_id, "stream": True, **BODIES[protocol.name]}
        client.post(protocol.path, body, headers=customer.bearer)
        gate.wait_reached()
        assert SLICE < held(customer) < SLICE * 1.1
        gate.open()
        client.read_until(b"plums")
        [row] = customer.used()
    assert row.usage == Usage(input_tokens=1000, output_tokens=200)


def test_a_stream_holds_no_more_than_its_maximum(gateway_server, customer):
    gate = Gate()
    model = gateway_server.model(scripts.stream(gate, *OPENAI.stream()))
    with RawClient(gateway_server.url) as client:
        body = {"model": model.public_id, "stream": True, "messages": HELLO, "max_tokens": 10, "n": 2}
        client.post(OPENAI.path, body, headers=customer.bearer)
        gate.wait_reached()
        assert held(customer) < SLICE / 10
        gate.open()
        client.read_until(b"plums")
        customer.used()


@rows
def test_a_stream_gets_more_before_it_runs_out(gateway_server, customer, client, source):
    """Seven slices long; the ledger holds a few cents more whenever it has come near the end of what it held."""
    *pieces, gate = source.start, Gate()
    texts = [source.text(KILO)] * 40
    ending = source.stream()[len(source.start) :]
    script = scripts.stream(*pieces[0], *texts[:12], gate, *texts[12:], *ending)
    model = gateway_server.model(script, protocol=source.name, max_output_tokens=64_000)
    body = {"model": model.public_id, "stream": True, **BODIES[client.name], "max_tokens": 60_000}
    with RawClient(gateway_server.url) as raw:
        raw.post(client.path, body, headers=customer.bearer)
        gate.wait_reached()
        wait_until(lambda: held(customer) > SLICE * 1.9, "a second slice")
        gate.open()
        raw.read_until(b"plums")
        [row] = customer.used()
    assert (row.outcome, row.source) == ("completed", "upstream")
    assert row.charge_nanos == price_of(Usage(input_tokens=1000, output_tokens=200))


@rows
def test_a_stream_ends_cleanly_where_the_money_ends(gateway_server, client, source):
    """As one that reached its maximum: charged what it gave, the wallet never below zero, and told so in its usage."""
    customer = gateway_server.customer(credit="0.10")
    script = scripts.stream(*source.start, *[source.text(KILO)] * 60, end="hang")
    model = gateway_server.model(script, protocol=source.name, max_output_tokens=64_000)
    body = {"model": model.public_id, "stream": True, **BODIES[client.name], "max_tokens": 60_000}
    asks_usage = client is OPENAI and source is ANTHROPIC
    if asks_usage:
        body["stream_options"] = {"include_usage": True}
    with gateway_server.client(customer) as http:
        answer = http.post(client.path, json=body)
    assert answer.status_code == 200
    [row] = customer.used()
    if client is OPENAI:
        told = completion_read(answer.content, include_usage=asks_usage)
        assert told["finish_reason"] == "length"
        usage = (told["usage"]["prompt_tokens"], told["usage"]["completion_tokens"]) if asks_usage else None
    else:
        message = message_read(answer.content)
        assert message["stop_reason"] == "max_tokens"
        usage = message["usage"]["input_tokens"], message["usage"]["output_tokens"]
    assert usage in (None, (row.usage.input_tokens, row.usage.output_tokens))
    assert row.usage.output_tokens == answer.content.count(b"plum")  # of five bytes, with the space
    assert (row.usage.input_tokens == 1000) is (source is ANTHROPIC)
    assert (row.outcome, row.source) == ("completed", "counted" if source is ANTHROPIC else "estimated")
    assert row.charge_nanos == price_of(row.usage)
    # Nearly all of it was used: what is held counts more tokens than are charged, never fewer.
    assert usd_to_nanos("0.05") < row.charge_nanos <= usd_to_nanos("0.10")
    assert customer.idle().balance_nanos == usd_to_nanos("0.10") - row.charge_nanos
    assert model.exchange().hung_up.wait(10)


def test_a_limit_ends_a_stream_like_an_empty_wallet(gateway_server, customer):
    from billing.limits import limit_set  # noqa: PLC0415 -- beside what it sets

    limit_set(
        organization_id=customer.organization_id,
        api_key_id=customer.api_key_id,
        period="daily",
        amount_nanos=usd_to_nanos("0.10"),
    )
    script = scripts.stream(*OPENAI.start, *[OPENAI.text(KILO)] * 60, end="hang")
    model = gateway_server.model(script, max_output_tokens=64_000)
    with gateway_server.client(customer) as http:
        answer = http.post(OPENAI.path, json={"model": model.public_id, "stream": True, "messages": HELLO})
    assert completion_read(answer.content, include_usage=False)["finish_reason"] == "length"
    [row] = customer.used()
    assert 0 < row.charge_nanos <= usd_to_nanos("0.10")


def test_a_stream_may_begin_with_less_than_a_slice(gateway_server):
    customer = gateway_server.customer(credit="0.02")
    model = gateway_server.model(scripts.stream(*OPENAI.stream()))
    with gateway_server.client(customer) as http:
        answer = http.post(OPENAI.path, json={"model": model.public_id, "stream": True, "messages": HELLO})
    assert completion_read(answer.content, include_usage=False)["finish_reason"] == "stop"
    [row] = customer.used()
    assert row.usage == Usage(input_tokens=1000, output_tokens=200)


@pytest.mark.parametrize(("source", "choices"), [(OPENAI, 1), (OPENAI, 2), (ANTHROPIC, 1)])
def test_a_whole_answer_is_asked_for_with_what_can_be_paid(gateway_server, source, choices):
    customer = gateway_server.customer(credit="0.05")
    model = gateway_server.model(scripts.whole(source.answer()), protocol=source.name)
    with gateway_server.client(customer) as http:
        answer = http.post(OPENAI.path, json={"model": model.public_id, "messages": HELLO, "n": choices})
    assert answer.status_code == 200
    told = int(answer.headers["x-tokenoutput-max-tokens"])
    [sent] = model.requests()
    assert told == sent.json.get("max_completion_tokens", sent.json.get("max_tokens"))
    # 0.05 dollars at 15 dollars a million tokens, less the prompt.
    assert 3200 < told * choices <= 3333
    [row] = customer.used()
    assert row.charge_nanos == price_of(Usage(input_tokens=1000, output_tokens=200))


@both
def test_a_whole_answer_with_a_maximum_of_its_own_is_402(gateway_server, protocol):
    customer = gateway_server.customer(credit="0.05")
    model = gateway_server.model(scripts.whole(protocol.answer()), protocol=protocol.name)
    with gateway_server.client(customer) as http:
        body = {"model": model.public_id, "messages": HELLO, "max_tokens": 8000}
        refused = http.post(protocol.path, json=body)
        assert refused.status_code == 402
        told = refused.json()["error"]["metadata"]
        assert float(told["required_usd"]) > 0.12
        assert told["available_usd"] == "0.05"
        assert 3200 < told["affordable_max_tokens"] <= 3333
        # What it says fits does fit.
        answer = http.post(protocol.path, json=body | {"max_tokens": told["affordable_max_tokens"]})
    assert answer.status_code == 200
    assert "x-tokenoutput-max-tokens" not in answer.headers


@pytest.mark.parametrize("streamed", [False, True])
def test_too_little_for_an_answer_is_402(gateway_server, streamed):
    customer = gateway_server.customer(credit="0.003")
    model = gateway_server.model(scripts.whole(OPENAI.answer()))
    with gateway_server.client(customer) as http:
        refused = http.post(OPENAI.path, json={"model": model.public_id, "messages": HELLO, "stream": streamed})
    assert refused.status_code == 402
    error = refused.json()["error"]
    assert error["code"] == "insufficient_balance"
    assert 0 < error["metadata"]["affordable_max_tokens"] < 256
    customer.used_nothing(credit="0.003")


@both
def test_a_stream_whose_hold_was_reaped_ends_with_an_error_and_pays_once(
    upstream, database, django_db_blocker, protocol
):
    """As after a process was paused for longer than its lease."""
    gate = Gate()
    script = scripts.stream(*protocol.start, protocol.text("x" * 50), gate, *protocol.stream())
    with django_db_blocker.unblock(), served(upstream, hold_seconds=3.0) as server:
        customer, model = server.customer(), server.model(script, protocol=protocol.name)
        with RawClient(server.url) as client:
            body = {"model": model.public_id, "stream": True, **BODIES[protocol.name]}
            client.post(protocol.path, body, headers=customer.bearer)
            client.read_until(b"x" * 50)
            _reap(customer)
            said = client.read_until(b"ran out")
            assert protocol.proper_end not in said
        late, first = customer.used(requests=2)
    assert {late.outcome, first.outcome} == {"upstream_error", "reaped"}
    assert first.usage.output_tokens + late.usage.output_tokens == 10  # fifty bytes, whichever record tells them
    charged = Usage(input_tokens=first.usage.input_tokens + late.usage.input_tokens, output_tokens=10)
    assert first.charge_nanos + late.charge_nanos == price_of(charged)


def _reap(customer):
    wallet_id = wallet_open(organization_id=customer.organization_id)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE hold SET expires_at = now() - interval '1 hour' WHERE wallet_id = %s", [wallet_id])
        cursor.execute("SELECT ledger_reap(1000, '0 s')")
        assert cursor.fetchone()[0] >= 1


def test_only_so_many_answers_are_heard_out_for_nobody(upstream, database, django_db_blocker):
    """Above the cap the upstream is hung up on, and the client pays what it set in motion."""
    with django_db_blocker.unblock(), served(upstream, drains_max=1) as server:
        customer = server.customer()
        gates = [Gate(), Gate()]
        model = server.model(*(scripts.whole(wire.openai_answer(), gate=gate) for gate in gates))
        for gate in gates:
            with RawClient(server.url) as client:
                client.post(OPENAI.path, {"model": model.public_id, "messages": HELLO}, headers=customer.bearer)
                gate.wait_reached()
        exchanges = model.upstream.exchanges[model.upstream_models[0]]
        assert exchanges[1].hung_up.wait(10)
        gates[0].open()
        second, first = customer.used(requests=2)
        assert first.usage == Usage(input_tokens=1000, output_tokens=200)
        assert second.outcome == "void"
        assert json.loads(exchanges[0].request.body)["model"] == model.upstream_models[0]
