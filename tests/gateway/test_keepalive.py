"""A silent upstream: the client hears a sign of life between events, and a late failure is an honest error event."""

import json
from collections.abc import MutableMapping
from typing import Any

import anyio
import pytest

from catalog.pricing import Usage
from gateway.client import Client
from gateway.errors import GatewayError, Reason
from tests.gateway.platform import served
from tests.gateway.protocols import ANTHROPIC, HELLO, OPENAI, both, streamed_and_not
from tests.gateway.rawclient import RawClient, body_of
from tests.upstreams import scripts, wire
from tests.upstreams.server import Gate

SIGNS = {OPENAI.name: b": ping\n\n", ANTHROPIC.name: b'event: ping\ndata: {"type": "ping"}\n\n'}
ENDS = {OPENAI.name: b"data: [DONE]\n\n", ANTHROPIC.name: b'"message_stop"}\n\n'}
OTHER = {OPENAI.name: ANTHROPIC, ANTHROPIC.name: OPENAI}
rows = pytest.mark.parametrize("converted", [False, True], ids=["passed through", "converted"])


@pytest.fixture(scope="module")
def quick_server(database, upstream):
    with served(upstream, keepalive_seconds=0.03) as server:
        yield server


@pytest.fixture
def quick(quick_server, django_db_blocker):
    with django_db_blocker.unblock():
        yield quick_server


def ask(client, customer, model, protocol, *, streamed=True):
    body = {"model": model.public_id, "stream": streamed, **protocol.body}
    if streamed and protocol is OPENAI:
        body["stream_options"] = {"include_usage": True}
    client.post(protocol.path, body, headers={**customer.bearer, "connection": "close"})


def last_error(body):
    return json.loads(body.rstrip().rpartition(b"data: ")[2])["error"]


@both
@rows
@pytest.mark.parametrize("place", ["before any byte", "before content", "after content"])
def test_each_silence_of_a_stream_is_filled_with_signs_of_life(quick, protocol, converted, place):
    customer, gate, other = quick.customer(), Gate(), OTHER[protocol.name] if converted else protocol
    pieces = other.stream("Two ", "plums")
    at = {"before any byte": 0, "before content": 1, "after content": pieces.index(other.text("Two ")) + 1}[place]
    model = quick.model(scripts.stream(*pieces[:at], gate, *pieces[at:]), protocol=other.name)
    sign = SIGNS[protocol.name]
    with RawClient(quick.url) as client:
        ask(client, customer, model, protocol)
        gate.wait_reached()
        client.read_until(sign, times=2)
        gate.open()
        head, body = client.read_all().partition(b"\r\n\r\n")[0], body_of(client.received)
    assert head.startswith(b"HTTP/1.1 200")
    assert b"content-type: text/event-stream" in head
    if place != "after content":  # Else content comes first, but for a machine that is slower than the silence.
        assert body.startswith(sign)
    events = body.replace(sign, b"")
    assert events.endswith(ENDS[protocol.name])
    assert all(event.split(b"\n")[-1].startswith(b"data: ") for event in events.split(b"\n\n")[:-1])
    if not converted:
        assert events == wire.for_client(b"".join(pieces), model.public_id).replace(sign, b"")
    [row] = customer.used()
    assert (row.outcome, row.usage) == ("completed", Usage(input_tokens=1000, output_tokens=200))


@both
def test_signs_of_life_do_not_cut_into_an_event(quick, protocol):
    """Half an event waits upstream: the client is told that it lives, and gets the event in one piece."""
    customer, gate = quick.customer(), Gate()
    pieces, text = protocol.start, protocol.text("Two")
    end = b"".join(protocol.stream("Two")[len(pieces) + 1 :])
    half = len(text) // 2
    model = quick.model(scripts.stream(*pieces, text, text[:half], gate, text[half:], end), protocol=protocol.name)
    sign = SIGNS[protocol.name]
    with RawClient(quick.url) as client:
        ask(client, customer, model, protocol)
        gate.wait_reached()
        client.read_until(sign, times=2)
        gate.open()
        body = body_of(client.read_all())
    expected = wire.for_client(b"".join([*pieces, text, text, end]), model.public_id)
    assert body.replace(sign, b"") == expected.replace(sign, b"")
    assert all(part.endswith(b"\n\n") or not part for part in body.split(sign))


@both
@rows
def test_another_route_may_still_answer_after_the_status_went_out(quick, protocol, converted):
    customer, gate, other = quick.customer(), Gate(), OTHER[protocol.name] if converted else protocol
    model = quick.model(scripts.stream(gate, end="cut"), routes=2, protocol=other.name)
    model.on(scripts.stream(*other.stream()), route=1)
    with RawClient(quick.url) as client:
        ask(client, customer, model, protocol)
        gate.wait_reached()
        client.read_until(SIGNS[protocol.name])
        gate.open()
        body = body_of(client.read_all())
    assert body.endswith(ENDS[protocol.name])
    assert b"error" not in body
    assert (len(model.requests(0)), len(model.requests(1))) == (1, 1)
    [row] = customer.used()
    assert row.outcome == "completed"


FAILURES = {
    # what comes after the silence: a word of what the client is told
    "cut": (lambda protocol, gate: scripts.stream(gate, end="cut"), "could not answer"),
    "an error's status": (
        lambda protocol, gate: scripts.whole(
            b'{"type":"error",\n"error":\n{"type":"invalid_request_error","message":"too warm"}}', status=400, gate=gate
        ),
        "too warm",
    ),
    "an error event": (lambda protocol, gate: scripts.stream(gate, protocol.error()), ""),
    "no stream at all": (lambda protocol, gate: scripts.whole(protocol.answer(), gate=gate), "could not answer"),
}


@both
@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_after_the_status_went_out_is_an_error_event_and_free(quick, protocol, kind):
    script, said = FAILURES[kind]
    customer, gate = quick.customer(), Gate()
    model = quick.model(script(protocol, gate), protocol=protocol.name)
    with RawClient(quick.url) as client:
        ask(client, customer, model, protocol)
        gate.wait_reached()
        client.read_until(SIGNS[protocol.name])
        gate.open()
        body = body_of(client.read_all())
    assert client.received.startswith(b"HTTP/1.1 200")
    assert protocol.proper_end not in body
    assert (b"event: error\n" in body) is (protocol is ANTHROPIC)
    assert said in last_error(body)["message"]
    assert all(line.startswith((b"data: ", b"event: ", b":")) for line in body.split(b"\n") if line)
    assert last_error(body).get("metadata", {"charged": False})["charged"] is False
    customer.used_nothing()


@both
def test_what_was_dropped_is_said_when_the_status_goes_out(quick, protocol):
    customer, gate, other = quick.customer(), Gate(), OTHER[protocol.name]
    model = quick.model(scripts.stream(gate, *other.stream()), protocol=other.name)
    field = "seed" if protocol is OPENAI else "top_k"
    with RawClient(quick.url) as client:
        body = {"model": model.public_id, "stream": True, field: 7, **protocol.body}
        client.post(protocol.path, body, headers={**customer.bearer, "connection": "close"})
        client.read_until(SIGNS[protocol.name])
        gate.open()
        head = client.read_all().partition(b"\r\n\r\n")[0]
    assert f"x-tokenoutput-dropped: {field}".encode() in head


@both
def test_a_request_that_is_no_stream_gets_one_answer_however_long_it_takes(quick, protocol):
    customer, gate = quick.customer(), Gate()
    waiting, answered = quick.model(scripts.whole(protocol.answer(), gate=gate), protocol=protocol.name), Gate()
    streaming = quick.model(scripts.stream(answered, *protocol.stream()), protocol=protocol.name)
    with RawClient(quick.url) as client, RawClient(quick.url) as clock:
        ask(client, customer, waiting, protocol, streamed=False)
        gate.wait_reached()
        ask(clock, customer, streaming, protocol)
        clock.read_until(SIGNS[protocol.name], times=3)  # So long the other has been silent too.
        gate.open()
        answered.open()
        status, headers, body = client.answer()
        clock.read_all()
    assert (status, body) == (200, wire.for_client(protocol.answer(), waiting.public_id))
    assert headers["content-type"] == "application/json"


@both
@streamed_and_not
def test_a_busy_stream_carries_no_signs_of_ours(gateway_server, customer, protocol, streamed):
    """The default is 15 s: nothing of it shows in an answer that comes at once."""
    script = scripts.stream(*protocol.stream()) if streamed else scripts.whole(protocol.answer())
    model = gateway_server.model(script, protocol=protocol.name)
    with gateway_server.client(customer) as client:
        body = {"model": model.public_id, "messages": HELLO, **protocol.body, "stream": streamed}
        answer = client.post(protocol.path, json=body).content
        assert answer.count(SIGNS[protocol.name]) == b"".join(protocol.stream() if streamed else []).count(
            SIGNS[protocol.name]
        )


@both
def test_a_client_that_leaves_in_a_silence_ends_the_request(quick, protocol):
    customer, gate = quick.customer(), Gate()
    model = quick.model(scripts.stream(gate, *protocol.stream()), protocol=protocol.name)
    with RawClient(quick.url) as client:
        ask(client, customer, model, protocol)
        client.read_until(SIGNS[protocol.name])
    exchange = model.exchange()
    assert exchange.hung_up.wait(10)
    customer.idle()


@both
def test_half_an_event_at_the_end_is_not_relayed(gateway_server, customer, protocol):
    """The error that follows would otherwise be read as the half event's other half."""
    pieces = [*protocol.start, protocol.text("Two plums"), protocol.text("and")[:-20]]
    model = gateway_server.model(scripts.stream(*pieces), protocol=protocol.name)
    with gateway_server.client(customer) as client:
        body = {"model": model.public_id, "stream": True, **protocol.body}
        answer = client.post(protocol.path, json=body).content
    events = [event for event in answer.split(b"\n\n") if event]
    assert all(json.loads(event.rpartition(b"data: ")[2]) for event in events)
    assert "broke off" in last_error(answer)["message"]


async def _one_writer_at_a_time():
    """A server that is slow to take a piece, and a stream that stops in the middle of an event."""
    sent: list[bytes] = []
    taking, taken, signs = 0, anyio.Event(), anyio.Event()

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal taking
        taking += 1
        assert taking == 1
        if message.get("body") == b"data: slow\n\n":
            await taken.wait()
        sent.append(message.get("body", b""))
        if sent.count(b": ping\n\n") == 2:
            signs.set()
        taking -= 1

    client = Client(send, protocol="openai_chat", request_id="x", stall_seconds=5, keepalive_seconds=0.01)
    async with client.kept_alive(lambda: ()), anyio.create_task_group() as tasks:
        tasks.start_soon(client.write, b"data: slow\n\n")
        await anyio.sleep(0.05)
        assert sent == [b""]
        taken.set()
        await signs.wait()
        await client.write(b"data: half")
        half_at = len(sent)
        await anyio.sleep(0.05)
        assert len(sent) == half_at
    await client.fail(GatewayError(Reason.UPSTREAM, "cut"))
    assert sent[-1].startswith(b"\n\ndata: {")


def test_nothing_is_written_into_what_is_being_written():
    anyio.run(_one_writer_at_a_time)
