"""Clients that leave or stall: exactly one charge each, for what they set in motion, and never a leaked hold."""

import pytest

from billing.requests import request_get
from catalog.pricing import Usage
from tests.gateway.platform import price_of, served, wait_until
from tests.gateway.protocols import ANTHROPIC, OPENAI, both
from tests.gateway.rawclient import RawClient, body_of
from tests.upstreams import scripts, wire
from tests.upstreams.server import Gate

politely = pytest.mark.parametrize("manner", ["close", "reset"])


def leaving(gateway_server, customer, model, protocol, *, manner, streamed=True, after=None, gate=None):
    """Ask, wait for `after` in the answer or for the upstream to be at the gate, and leave."""
    with RawClient(gateway_server.url) as client:
        body = {"model": model.public_id, "stream": streamed, **protocol.body}
        client.post(protocol.path, body, headers=customer.bearer)
        if after is not None:
            client.read_until(after)
        if gate is not None:
            gate.wait_reached()
        else:
            model.exchange()
        getattr(client, manner)()


@both
@politely
def test_before_the_upstream_answered(gateway_server, customer, protocol, manner):
    model = gateway_server.model(scripts.silence(), protocol=protocol.name)
    leaving(gateway_server, customer, model, protocol, manner=manner)
    assert model.exchange().hung_up.wait(10)
    [row] = customer.used()
    assert (row.outcome, row.source, row.charge_nanos) == ("void", "none", 0)
    customer.used_nothing()
    detail = request_get(organization_id=customer.organization_id, request_id=row.id)
    assert detail is not None and detail.client_left_first
    assert [(attempt.reason, attempt.provider) for attempt in detail.attempts] == [("client_gone", "Provider 1")]


@both
@politely
def test_before_content(gateway_server, customer, protocol, manner):
    gate = Gate()
    model = gateway_server.model(scripts.stream(*protocol.start, gate), protocol=protocol.name)
    leaving(gateway_server, customer, model, protocol, manner=manner, gate=gate)
    wait_until(model.exchange().hung_up.is_set, "the upstream's bill was stopped")
    [row] = customer.used()
    assert row.outcome == "client_gone"
    assert row.charge_nanos == price_of(row.usage) > 0
    # Anthropic's start tells the input; OpenAI's tells nothing, so the prompt is estimated from its bytes.
    assert row.usage.output_tokens <= 1
    assert (row.usage.input_tokens == 1000) is (protocol is ANTHROPIC)


@both
@politely
def test_in_the_middle(gateway_server, customer, protocol, manner):
    gate = Gate()
    model = gateway_server.model(
        scripts.stream(*protocol.start, protocol.text("x" * 50), gate, *protocol.stream()), protocol=protocol.name
    )
    leaving(gateway_server, customer, model, protocol, manner=manner, after=b"x" * 50, gate=gate)
    wait_until(model.exchange().hung_up.is_set, "the upstream's bill was stopped")
    [row] = customer.used()
    assert row.outcome == "client_gone"
    assert row.usage.output_tokens == 10  # fifty bytes
    assert row.charge_nanos == price_of(row.usage)


@both
@politely
def test_in_the_middle_of_a_provider_that_bills_on(gateway_server, customer, protocol, manner):
    """Where hanging up does not stop the provider's bill, the stream is read to its end and charged truly."""
    gate = Gate()
    model = gateway_server.model(
        scripts.stream(*protocol.start, protocol.text("x" * 50), gate, *protocol.stream()[1:]),
        protocol=protocol.name,
        provider={"bills_on_disconnect": True},
    )
    leaving(gateway_server, customer, model, protocol, manner=manner, after=b"x" * 50, gate=gate)
    gate.open()
    assert model.exchange().finished.wait(10)
    [row] = customer.used()
    assert (row.outcome, row.source) == ("completed", "upstream")
    assert row.usage == Usage(input_tokens=1000, output_tokens=200)
    assert not model.exchange().hung_up.is_set()


@both
@politely
def test_after_the_last_content(gateway_server, customer, protocol, manner):
    gate = Gate()
    *pieces, end = protocol.stream()
    model = gateway_server.model(scripts.stream(*pieces, gate, end), protocol=protocol.name)
    leaving(gateway_server, customer, model, protocol, manner=manner, after=b"plums", gate=gate)
    wait_until(model.exchange().hung_up.is_set, "the upstream's bill was stopped")
    [row] = customer.used()
    assert (row.outcome, row.source) == ("client_gone", "upstream")
    assert row.usage == Usage(input_tokens=1000, output_tokens=200)


@both
@politely
def test_a_whole_answer_is_always_heard_out(gateway_server, customer, protocol, manner):
    gate = Gate()
    model = gateway_server.model(scripts.whole(protocol.answer(), gate=gate), protocol=protocol.name)
    leaving(gateway_server, customer, model, protocol, manner=manner, streamed=False, gate=gate)
    gate.open()
    [row] = customer.used()
    assert (row.outcome, row.source) == ("completed", "upstream")
    assert row.charge_nanos == price_of(Usage(input_tokens=1000, output_tokens=200))


@politely
def test_before_the_body_is_there(gateway_server, customer, manner):
    model = gateway_server.model(scripts.whole(wire.openai_answer()))
    with RawClient(gateway_server.url) as client:
        client.send(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\nauthorization: Bearer %s\r\n\r\n{"
            % customer.key.encode()
        )
        getattr(client, manner)()
    customer.used_nothing()
    assert customer.usage() == []
    assert model.requests() == []


@politely
def test_a_hundred_at_once_leak_nothing(gateway_server, manner):
    customer = gateway_server.customer(credit="100.00")
    model = gateway_server.model(scripts.keep_alives(wire.openai_chunk({"content": "x"})))
    clients = [RawClient(gateway_server.url) for _ in range(40)]
    try:
        for client in clients:
            body = {"model": model.public_id, "stream": True, "max_tokens": 100, **OPENAI.body}
            client.post(OPENAI.path, body, headers=customer.bearer)
        for client in clients:
            client.read_until(b'"x"')
            getattr(client, manner)()
    finally:
        for client in clients:
            client.close()
    rows = customer.used(requests=len(clients))
    assert {row.outcome for row in rows} == {"client_gone"}
    assert customer.wallet().balance_nanos == 100_000_000_000 - sum(row.charge_nanos for row in rows)


def test_a_slow_client_holds_the_upstream_back(gateway_server, customer):
    """What a client does not read is neither read upstream nor kept in memory beyond the sockets' buffers."""
    piece = wire.openai_chunk({"content": "x" * 60_000})
    pieces = 2000  # 120 MB
    model = gateway_server.model(scripts.flood(piece, pieces=pieces, tail=wire.OPENAI_STOP + wire.DONE))
    with RawClient(gateway_server.url, receive_buffer_bytes=4096) as client:
        client.post(OPENAI.path, {"model": model.public_id, "stream": True, **OPENAI.body}, headers=customer.bearer)
        client.read_until(b"xxxx")
        exchange = model.exchange()
        sizes: list[int] = []

        def stalled() -> bool:
            sizes.append(len(exchange.sent))
            return len(sizes) > 100 and sizes[-1] == sizes[-100] > 0

        wait_until(stalled, "the upstream is held back")
        assert len(exchange.sent) < 40 * 1024 * 1024
        client.reset()
    wait_until(exchange.hung_up.is_set, "the upstream's bill was stopped")
    [row] = customer.used()
    assert row.outcome == "client_gone"


def test_a_client_that_stalls_for_too_long_is_gone(database, upstream):
    piece = wire.openai_chunk({"content": "x" * 60_000})
    with served(upstream, client_stall_seconds=0.3) as server:
        customer = server.customer()
        model = server.model(scripts.flood(piece, pieces=2000))
        with RawClient(server.url, receive_buffer_bytes=4096) as client:
            client.post(OPENAI.path, {"model": model.public_id, "stream": True, **OPENAI.body}, headers=customer.bearer)
            client.read_until(b"xxxx")
            [row] = customer.used()
            assert row.outcome == "client_gone"
            assert row.charge_nanos == price_of(row.usage)


@both
def test_a_slow_reader_gets_everything(gateway_server, customer, protocol):
    texts = [f"piece {number} " * 50 for number in range(200)]
    pieces = protocol.stream(*texts)
    model = gateway_server.model(scripts.stream(*pieces), protocol=protocol.name)
    asked = {"stream_options": {"include_usage": True}}
    with RawClient(gateway_server.url, receive_buffer_bytes=2048) as client:
        body = {"model": model.public_id, "stream": True, **asked, **protocol.body}
        client.post(protocol.path, body, headers=customer.bearer)
        client.read_until(b"0\r\n\r\n")
        assert body_of(client.received) == wire.for_client(b"".join(pieces), model.public_id)
    [row] = customer.used()
    assert row.outcome == "completed"
