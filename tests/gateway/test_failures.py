"""Upstreams that fail: another route before content, an honest error after it, and never a forged end."""

import json
import socket
from typing import Any

import pytest

from catalog.pricing import Usage
from tests.gateway.platform import price_of
from tests.gateway.protocols import ANTHROPIC, HELLO, OPENAI, both, streamed_and_not
from tests.upstreams import scripts, wire
from tests.upstreams.server import Script

SECRET = "sk-live-0123456789abcdefghij"
HTML = b"<html><head><title>502 Bad Gateway</title></head></html>"


def failing(protocol, kind: str) -> Script:
    """An upstream that fails before any content."""
    error = {"error": {"message": f"about {SECRET}", "type": "api_error"}}
    return {
        "401": lambda: scripts.whole(error, status=401),
        "402": lambda: scripts.whole(error, status=402),
        "403": lambda: scripts.whole({"detail": "Forbidden"}, status=403),
        "404": lambda: scripts.whole(error, status=404),
        "429": lambda: scripts.whole(error, status=429, headers={"retry-after": "7"}),
        "500": lambda: scripts.whole(error, status=500),
        "502 html": lambda: scripts.whole(HTML, status=502, content_type="text/html"),
        "503": lambda: scripts.whole(b"", status=503),
        "529": lambda: scripts.whole(error, status=529),
        "redirect": lambda: scripts.whole(b"", status=302, headers={"location": "http://127.0.0.1:1/"}),
        "no content": lambda: scripts.whole(b"", status=204),
        "html with 200": lambda: scripts.whole(HTML, content_type="text/html"),
        "error with 200": lambda: scripts.whole({"type": "error", "error": {"type": "api_error", "message": "x"}}),
        "empty with 200": lambda: scripts.whole(b""),
        "closed": lambda: scripts.raw(b""),
        "reset": lambda: scripts.raw(b"", then="reset"),
        "garbage": lambda: scripts.raw(b"SSH-2.0-OpenSSH_9.7\r\n"),
        "cut body": lambda: scripts.raw(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{"
        ),
        "endless headers": lambda: scripts.raw(b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 200_000),
        "error event first": lambda: scripts.stream(protocol.error("api_error")),
        "error event after start": lambda: scripts.stream(*protocol.start, protocol.error("api_error")),
        "cut before content": lambda: scripts.stream(*protocol.start, end="cut"),
        "reset before content": lambda: scripts.stream(*protocol.start, end="reset"),
        "ends before content": lambda: scripts.stream(*protocol.start),
        "silence": scripts.silence,
        "keep-alives only": lambda: scripts.keep_alives(first=protocol.start),
        "flood of comments": lambda: scripts.flood(b": " + b"x" * 8000 + b"\n\n", pieces=100),
        "too large event": lambda: scripts.stream(b"data: " + b"x" * (1024 * 1024 + 1)),
    }[kind]()


WHOLE = [
    *("401", "402", "403", "404", "429", "500", "502 html", "503", "529", "redirect", "no content", "html with 200"),
    *("error with 200", "empty with 200", "closed", "reset", "garbage", "cut body", "endless headers", "silence"),
]
STREAMED = [
    *("error event first", "error event after start", "cut before content", "reset before content"),
    *("ends before content", "keep-alives only", "flood of comments", "too large event", "html with 200", "500"),
]
CASES = [*[(kind, False) for kind in WHOLE], *[(kind, True) for kind in STREAMED]]
STATUS = {"429": 429}  # What the client is told when every route fails so; all else is 502.


def ask(gateway_server, customer, model, protocol, *, streamed, **more):
    with gateway_server.client(customer) as client:
        return client.post(protocol.path, json={"model": model.public_id, "stream": streamed, **protocol.body, **more})


@both
@pytest.mark.parametrize(("kind", "streamed"), CASES)
def test_a_failure_before_content_goes_to_the_next_route(gateway_server, customer, protocol, kind, streamed):
    model = gateway_server.model(
        failing(protocol, kind), routes=2, protocol=protocol.name, timeouts={"first_content": "0.3"}
    )
    good = scripts.stream(*protocol.stream()) if streamed else scripts.whole(protocol.answer())
    model.on(good, route=1)
    asked = {"stream_options": {"include_usage": True}} if streamed else {}
    answer = ask(gateway_server, customer, model, protocol, streamed=streamed, **asked)
    assert answer.status_code == 200
    expected = b"".join(protocol.stream()) if streamed else protocol.answer()
    assert answer.content == wire.for_client(expected, model.public_id)
    assert (len(model.requests(0)), len(model.requests(1))) == (1, 1)
    [row] = customer.used()
    assert row.usage == Usage(input_tokens=1000, output_tokens=200)
    assert row.charge_nanos == price_of(row.usage)


@both
@pytest.mark.parametrize(("kind", "streamed"), CASES)
def test_when_every_route_fails_it_is_502_and_free(gateway_server, customer, protocol, kind, streamed):
    model = gateway_server.model(
        failing(protocol, kind), routes=2, protocol=protocol.name, timeouts={"first_content": "0.3"}
    )
    model.on(failing(protocol, kind), route=1)
    answer = ask(gateway_server, customer, model, protocol, streamed=streamed)
    overloaded = 529 if protocol is ANTHROPIC else 503
    assert answer.status_code == {"429": 429, "529": overloaded}.get(kind, 502)
    expected = {502: "api_error" if protocol is ANTHROPIC else "server_error"}
    if kind in ("silence", "keep-alives only") and protocol is ANTHROPIC:
        expected = {502: "timeout_error"}
    expected |= {529: "overloaded_error", 503: "server_error"}
    expected |= {429: "rate_limit_error" if protocol is ANTHROPIC else "rate_limit_exceeded"}
    assert protocol.error_type(answer.json()) == expected[answer.status_code]
    assert answer.headers.get("retry-after") == ("7" if kind == "429" else None)
    assert SECRET not in answer.text
    assert (len(model.requests(0)), len(model.requests(1))) == (1, 1)
    customer.used_nothing()


@both
def test_a_provider_that_cannot_be_reached_is_passed_over(gateway_server, customer, protocol):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    suffix = "/v1" if protocol is OPENAI else ""
    model = gateway_server.model(
        scripts.whole(protocol.answer()),
        protocol=protocol.name,
        provider={"base_url": f"http://127.0.0.1:{port}{suffix}"},
    )
    answer = ask(gateway_server, customer, model, protocol, streamed=False)
    assert answer.status_code == 502
    customer.used_nothing()


REFUSALS: dict[int, dict[str, Any]] = {
    400: {"error": {"message": "temperature: too warm", "type": "invalid_request_error", "param": "temperature"}},
    413: {"error": {"message": "too long", "type": "request_too_large"}},
    422: {"detail": [{"loc": ["body", "messages"], "msg": "field required"}]},
}


@both
@streamed_and_not
@pytest.mark.parametrize("status", REFUSALS)
def test_what_is_the_clients_own_fault_is_told_and_tried_nowhere_else(
    gateway_server, customer, protocol, status, streamed
):
    body = REFUSALS[status] | ({"type": "error"} if protocol is ANTHROPIC and status != 422 else {})
    model = gateway_server.model(scripts.whole(body, status=status), routes=2, protocol=protocol.name)
    model.on(scripts.whole(protocol.answer()), route=1)
    answer = ask(gateway_server, customer, model, protocol, streamed=streamed)
    assert answer.status_code == status
    if status == 422:
        protocol.error_type(answer.json())
    else:
        told = answer.json()
        told["error"].pop("metadata")  # Ours, beside the provider's own words.
        assert told.pop("request_id", None) == (answer.headers["request-id"] if protocol is ANTHROPIC else None)
        assert told == body
    assert model.requests(1) == []
    customer.used_nothing()


@both
@pytest.mark.parametrize("kind", ["invalid_request_error", "overloaded_error"])
def test_an_error_event_before_content_becomes_a_real_status(gateway_server, customer, protocol, kind):
    event = (
        wire.anthropic_error(kind, "the upstream's words")
        if protocol is ANTHROPIC
        else b"data: " + json.dumps({"error": {"type": kind, "message": "the upstream's words"}}).encode() + b"\n\n"
    )
    model = gateway_server.model(scripts.stream(*protocol.start, event), protocol=protocol.name)
    answer = ask(gateway_server, customer, model, protocol, streamed=True)
    overloaded = 529 if protocol is ANTHROPIC else 503
    assert answer.status_code == {"invalid_request_error": 400, "overloaded_error": overloaded}[kind]
    customer.used_nothing()


BREAKS = {
    # how it ends after content: what the client gets of the upstream's own bytes after the text
    "cut": lambda protocol: scripts.stream(*protocol.start, protocol.text("Two plums"), end="cut"),
    "cut in an event": lambda protocol: scripts.stream(
        *protocol.start, protocol.text("Two plums"), protocol.text("and")[:30], end="cut"
    ),
    "reset": lambda protocol: scripts.stream(*protocol.start, protocol.text("Two plums"), end="reset"),
    "ends early": lambda protocol: scripts.stream(*protocol.start, protocol.text("Two plums")),
    "without finish": lambda protocol: scripts.stream(
        *protocol.start, protocol.text("Two plums"), *([wire.DONE] if protocol is OPENAI else [])
    ),
    "hangs": lambda protocol: scripts.stream(*protocol.start, protocol.text("Two plums"), end="hang"),
    "error event": lambda protocol: scripts.stream(
        *protocol.start, protocol.text("Two plums"), protocol.error("the upstream's words")
    ),
    "error event in the same packet": lambda protocol: scripts.stream(
        b"".join([*protocol.start, protocol.text("Two plums"), protocol.error("the upstream's words")])
    ),
    "too large event": lambda protocol: scripts.stream(
        *protocol.start, protocol.text("Two plums"), b"data: " + b"x" * (1024 * 1024 + 1)
    ),
}


@both
@pytest.mark.parametrize("kind", BREAKS)
def test_a_break_after_content_ends_in_an_error_and_is_charged_for_what_came(gateway_server, customer, protocol, kind):
    model = gateway_server.model(BREAKS[kind](protocol), routes=2, protocol=protocol.name, timeouts={"idle": "0.3"})
    model.on(scripts.stream(*protocol.stream()), route=1)
    answer = ask(gateway_server, customer, model, protocol, streamed=True)
    assert answer.status_code == 200
    came = wire.for_client(b"".join([*protocol.start, protocol.text("Two plums")]), model.public_id)
    assert answer.content.startswith(came)
    rest = answer.content[len(came) :]
    assert protocol.proper_end not in rest
    assert b"error" in rest
    assert (b"event: error" in rest) is (protocol is ANTHROPIC)
    last = json.loads(answer.content.rstrip().rpartition(b"data: ")[2])
    assert last["error"]["message"]
    assert model.requests(1) == []
    [row] = customer.used()
    assert row.outcome == "upstream_error"
    assert row.usage.output_tokens == 2  # nine bytes of "Two plums"
    assert row.usage.input_tokens > 0
    assert row.charge_nanos == price_of(row.usage) > 0
    assert row.source == ("estimated" if protocol is OPENAI else "counted")


@both
@pytest.mark.parametrize("packets", ["one", "many"])
def test_what_an_upstream_says_after_its_own_error_is_relayed_as_it_is(gateway_server, customer, protocol, packets):
    pieces = [*protocol.start, protocol.text("Two plums"), protocol.error("words"), protocol.proper_end]
    model = gateway_server.model(
        scripts.stream(*pieces) if packets == "many" else scripts.stream(b"".join(pieces)), protocol=protocol.name
    )
    answer = ask(gateway_server, customer, model, protocol, streamed=True)
    assert answer.content == wire.for_client(b"".join(pieces), model.public_id)
    [row] = customer.used()
    assert (row.outcome, row.usage.output_tokens) == ("upstream_error", 2)


def test_usage_beside_an_error_counts(gateway_server, customer):
    error = wire.openai_chunk({"content": ""}, error={"code": 400, "message": "limit"}, usage=wire.OPENAI_USAGE)
    model = gateway_server.model(
        scripts.stream(wire.OPENAI_ROLE, wire.openai_chunk({"content": "x"}), error, wire.DONE)
    )
    ask(gateway_server, customer, model, OPENAI, streamed=True)
    [row] = customer.used()
    assert (row.outcome, row.source) == ("upstream_error", "upstream")
    assert row.usage == Usage(input_tokens=1000, output_tokens=200)


@both
@pytest.mark.parametrize("packets", ["one", "many"])
def test_secrets_in_an_error_event_stay_with_us(gateway_server, customer, protocol, packets):
    error = (
        wire.anthropic_error("api_error", f"the key {SECRET} is over its limit")
        if protocol is ANTHROPIC
        else wire.openai_error(f"the key {SECRET} is over its limit")
    )
    pieces = [*protocol.start, protocol.text("Two plums"), error, protocol.proper_end]
    model = gateway_server.model(
        scripts.stream(*pieces) if packets == "many" else scripts.stream(b"".join(pieces)), protocol=protocol.name
    )
    answer = ask(gateway_server, customer, model, protocol, streamed=True)
    assert SECRET not in answer.text
    assert protocol.proper_end not in answer.content
    assert "is over its limit" in json.loads(answer.content.rstrip().rpartition(b"data: ")[2])["error"]["message"]


def test_usage_that_came_before_the_cut_is_what_is_charged(gateway_server, customer):
    pieces = [*wire.openai_stream()[:-1]]
    model = gateway_server.model(scripts.stream(*pieces, end="cut"))
    answer = ask(gateway_server, customer, model, OPENAI, streamed=True)
    assert wire.DONE not in answer.content
    [row] = customer.used()
    assert (row.outcome, row.source) == ("upstream_error", "upstream")
    assert row.usage == Usage(input_tokens=1000, output_tokens=200)


def test_an_answer_of_100_mb_is_refused(gateway_server, customer):
    huge = wire.openai_answer("x" * (65 * 1024 * 1024))
    model = gateway_server.model(scripts.whole(huge))
    answer = ask(gateway_server, customer, model, OPENAI, streamed=False)
    assert answer.status_code == 502
    customer.used_nothing()


def test_a_compressed_answer_is_never_asked_for(gateway_server, customer):
    model = gateway_server.model(scripts.whole(wire.openai_answer()))
    with gateway_server.client(customer) as client:
        client.post(
            OPENAI.path, json={"model": model.public_id, "messages": HELLO}, headers={"accept-encoding": "gzip, br"}
        ).raise_for_status()
    assert model.requests()[0].header("accept-encoding") == "identity"
