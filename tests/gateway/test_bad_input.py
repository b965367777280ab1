"""Whatever a client sends: a clear error in its protocol's shape, at once, nothing held, nothing in the log."""

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.gateway.platform import is_uuid7, wait_until
from tests.gateway.protocols import ANTHROPIC, OPENAI, both
from tests.gateway.rawclient import RawClient
from tests.upstreams import scripts, wire

MARKER = "quince-and-medlar-7e1c"
DEEP = b"[" * 100_000 + b"]" * 100_000
MB = 1024 * 1024


@pytest.fixture
def model(gateway_server):
    return gateway_server.model(scripts.whole(wire.openai_answer()))


@pytest.fixture
def log() -> Iterator[list[str]]:
    """Every line of the log, as it is written."""
    lines: list[str] = []
    root = logging.getLogger()
    formatter = next(handler.formatter for handler in root.handlers if handler.formatter is not None)

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(formatter.format(record))
            lines.append(repr(record.__dict__))

    keep = Keep(level=logging.DEBUG)
    level = root.level
    root.addHandler(keep)
    root.setLevel(logging.DEBUG)
    yield lines
    root.setLevel(level)
    root.removeHandler(keep)


BODIES = {
    "empty": b"",
    "spaces": b"   ",
    "not json": b"hello " + MARKER.encode(),
    "cut": b'{"model":"m","messages":[{"role":"user","content":"' + MARKER.encode(),
    "array": b'["%s"]' % MARKER.encode(),
    "text": b'"%s"' % MARKER.encode(),
    "null": b"null",
    "nan": b'{"model":"m","messages":[],"temperature":NaN,"x":"%s"}' % MARKER.encode(),
    "not utf-8": b'{"model":"m","messages":[{"role":"user","content":"\xff\xfe%s"}]}' % MARKER.encode(),
    "utf-16": json.dumps({"x": MARKER}).encode("utf-16"),
    "bom": b'\xef\xbb\xbf{"model":"m"}',
    "nul": b'{"model":"m","messages":[{"role":"user","content":"\x00%s"}]}' % MARKER.encode(),
    "only nul": b"\x00" * 100,
    "deep": b'{"model":"m","messages":' + DEEP + b"}",
    "deep object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep array": DEEP,
    "open": b"[" * 100_000,
    "surrogate": b'{"model":"m","messages":[{"role":"user","content":"\\ud800 %s"}]}' % MARKER.encode(),
    "a million members": b"{" + b",".join(b'"%d":0' % number for number in range(200_000)) + b"}",
}


@both
@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_no_request_is_400(gateway_server, customer, log, protocol, name):
    with gateway_server.client(customer) as client:
        started = time.perf_counter()
        refused = client.post(protocol.path, content=BODIES[name])
        seconds = time.perf_counter() - started
    assert refused.status_code == 400
    assert protocol.error_type(refused.json()) == "invalid_request_error"
    assert is_uuid7(refused.headers["x-request-id"])
    assert seconds < 2
    assert MARKER not in "\n".join(log)
    customer.used_nothing()
    assert customer.usage() == []


def wrong(name: str, *values: object) -> dict[str, tuple[dict[str, object], str]]:
    return {f"{name} {value!r}": ({name: value}, name) for value in values}


# What is changed in a good body, and the field that must be named.
WRONG: dict[str, tuple[dict[str, object], str]] = {
    **wrong("model", None, 5, "", [], {}, True, "a\u0000b", "a\nb", "nobody-sells-this"),
    **wrong("messages", None, [], {}, "x", 5, ["x"], [{}]),
    **wrong("max_tokens", -1, 0, 2**63, "5", 1.5, 1e308, True, []),
    **wrong("stream", "true", 1, [], {}),
    **wrong("tools", {"a": 1}),
}


@both
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_field_is_400_and_named(gateway_server, customer, model, protocol, name):
    members, field = WRONG[name]
    sold = gateway_server.model(scripts.whole(protocol.answer()), protocol=protocol.name)
    body = {"model": sold.public_id, **protocol.body, **members}
    with gateway_server.client(customer) as client:
        refused = client.post(protocol.path, json=body)
    assert refused.status_code == 400
    assert protocol.error_type(refused.json()) == "invalid_request_error"
    error = refused.json()["error"]
    assert field in error["message"]
    assert error.get("param", field) == field
    assert sold.requests() == []
    customer.used_nothing()


def test_null_max_tokens_is_absent_for_openai_and_missing_for_anthropic(gateway_server, customer, model):
    sold = gateway_server.model(scripts.whole(wire.anthropic_answer()), protocol="anthropic_messages")
    with gateway_server.client(customer) as client:
        fine = client.post(OPENAI.path, json={"model": model.public_id, **OPENAI.body, "max_tokens": None})
        assert fine.status_code == 200
        refused = client.post(ANTHROPIC.path, json={"model": sold.public_id, **ANTHROPIC.body, "max_tokens": None})
        assert refused.status_code == 400
        assert "max_tokens" in refused.json()["error"]["message"]


@both
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_fields_that_would_be_charged_on_top_are_400(gateway_server, customer, protocol, streamed):
    sold = gateway_server.model(scripts.whole(protocol.answer()), protocol=protocol.name)
    search: dict[str, Any] = (
        {"web_search_options": {}} if protocol is OPENAI else {"tools": [{"type": "web_search_20250305"}]}
    )
    with gateway_server.client(customer) as client:
        refused = client.post(
            protocol.path, json={"model": sold.public_id, "stream": streamed, **protocol.body, **search}
        )
    assert refused.status_code == 400
    assert "not available here" in refused.json()["error"]["message"]
    assert sold.requests() == []
    customer.used_nothing()


@both
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer sk-unknown"},
        {"authorization": "Basic dXNlcjpwYXNz"},
        {"authorization": "x"},
        {"x-api-key": "sk-ant-api03-somebody-elses"},
        {"x-api-key": "sk-" + "0" * 49},
        {"x-api-key": "ä".encode("latin-1")},
        {"x-api-key": "x" * 5000},
    ],
    ids=lambda headers: str(headers)[:50],
)
def test_a_wrong_key_is_401(gateway_server, model, protocol, headers):
    with gateway_server.client() as client:
        refused = client.post(protocol.path, json={"model": model.public_id, **protocol.body}, headers=headers)
    assert refused.status_code == 401
    expected = "authentication_error" if protocol is ANTHROPIC else "invalid_request_error"
    assert protocol.error_type(refused.json()) == expected


def test_revoked_and_expired_keys_are_401_with_the_same_words(gateway_server, model):
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415 -- only here

    from accounts.services import api_key_create, api_key_revoke  # noqa: PLC0415 -- needs Django set up

    customer = gateway_server.customer()
    soon = datetime.now(UTC) + timedelta(seconds=0.5)
    expiring = api_key_create(organization_id=customer.organization_id, name="expiring", expires_at=soon)
    body = {"model": model.public_id, **OPENAI.body}
    with gateway_server.client() as client:

        def ask(key):
            return client.post(OPENAI.path, json=body, headers={"authorization": f"Bearer {key}"})

        assert ask(customer.key).status_code == 200
        api_key_revoke(organization_id=customer.organization_id, api_key_id=customer.api_key_id)
        revoked = wait_until(
            lambda: None if (answer := ask(customer.key)).status_code == 200 else answer, "the key refused"
        )
        expired = wait_until(
            lambda: None if (answer := ask(expiring.secret)).status_code == 200 else answer, "the key refused"
        )
        unknown = ask(f"sk-{'0' * 49}")
    assert {answer.status_code for answer in (revoked, expired, unknown)} == {401}
    said = {answer.json()["error"]["message"] for answer in (revoked, expired)}
    assert len(said) == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/chat/completions", 405),
        ("PUT", "/v1/messages", 405),
        ("DELETE", "/v1/chat/completions", 405),
        ("OPTIONS", "/v1/chat/completions", 405),
        ("PROPFIND", "/v1/messages/count_tokens", 405),
        ("POST", "/v1/models", 405),
        ("POST", "/v1", 404),
        ("POST", "/v1/", 404),
        ("POST", "/v1/chat/completions/", 404),
        ("POST", "/v1/completions", 404),
        ("GET", "/v1/nowhere", 404),
        ("POST", "/v1/messages/x", 404),
        ("GET", "/v1/models/nobody-sells-this", 404),
        ("GET", "/v1/models/%00", 404),
        ("GET", "/v1/models/" + "x" * 5000, 404),
        ("GET", "/v1/%ff%fe", 404),
        ("GET", "/v1/../v1/x", 404),
    ],
)
def test_a_wrong_method_or_path(gateway_server, customer, method, path, status):
    with gateway_server.client(customer) as client:
        refused = client.request(method, path)
    assert refused.status_code == status
    shape = ANTHROPIC if path.startswith("/v1/messages") else OPENAI
    assert shape.error_type(refused.json())
    assert ("allow" in refused.headers) is (status == 405)
    assert is_uuid7(refused.headers["x-request-id"])


@both
def test_a_body_of_33_mb_is_413_before_it_is_read(gateway_server, customer, protocol):
    with RawClient(gateway_server.url) as client:
        client.send(
            f"POST {protocol.path} HTTP/1.1\r\nhost: x\r\ncontent-length: {33 * MB}\r\n"
            f"authorization: Bearer {customer.key}\r\n\r\n".encode()
        )
        status, _, body = client.answer()
    assert status == 413
    assert protocol.error_type(json.loads(body)) in ("request_too_large", "invalid_request_error")
    customer.used_nothing()


def test_a_chunked_body_of_33_mb_is_413_at_the_limit(gateway_server, customer):
    def chunks():
        yield b'{"model":"m","messages":[{"role":"user","content":"'
        for _ in range(33):
            yield b"x" * MB

    with gateway_server.client(customer) as client:
        refused = client.post(OPENAI.path, content=chunks())
    assert refused.status_code == 413
    customer.used_nothing()


def test_a_body_of_10_mb_passes(gateway_server, customer):
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * (10 * MB)}}
    model = gateway_server.model(scripts.whole(wire.openai_answer()))
    with gateway_server.client(customer) as client:
        answer = client.post(
            OPENAI.path, json={"model": model.public_id, "messages": [{"role": "user", "content": [picture]}]}
        )
    assert answer.status_code == 200
    assert model.requests()[0].json["messages"][0]["content"] == [picture]


def test_a_compressed_body_is_415(gateway_server, customer):
    with gateway_server.client(customer) as client:
        refused = client.post(OPENAI.path, content=b"\x1f\x8b\x08", headers={"content-encoding": "gzip"})
    assert refused.status_code == 415


JUNK = {
    "two lengths": b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
    "length and chunks": b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "odd encoding": b"transfer-encoding: xchunked\r\n\r\n{}",
    "negative length": b"content-length: -1\r\n\r\n{}",
    "length in words": b"content-length: two\r\n\r\n{}",
    "length with a sign": b"content-length: +2\r\n\r\n{}",
    "space before the colon": b"content-length : 2\r\n\r\n{}",
    "nul in a header": b"x-junk: a\x00b\r\ncontent-length: 2\r\n\r\n{}",
    "line end in a header": b"x-junk: a\rb\r\ncontent-length: 2\r\n\r\n{}",
    "folded": b"x-junk: a\r\n b\r\ncontent-length: 2\r\n\r\n{}",
    "no name": b": x\r\ncontent-length: 2\r\n\r\n{}",
    "100 KB header": b"x-junk: " + b"x" * 100_000 + b"\r\ncontent-length: 2\r\n\r\n{}",
    "1000 headers": b"".join(b"x-%d: y\r\n" % number for number in range(1000)) + b"content-length: 2\r\n\r\n{}",
    "latin-1": b"x-junk: \xff\xfe\r\ncontent-length: 2\r\n\r\n{}",
    "request id": b"x-request-id: forged\r\nrequest-id: forged\r\ncontent-length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("name", JUNK)
def test_junk_in_headers_is_never_a_500(gateway_server, customer, log, name):
    with RawClient(gateway_server.url) as client:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {customer.key}\r\n"
        client.send(head.encode() + JUNK[name])
        first = client.read_until(b"\r\n").split(b"\r\n")[0]
    assert first.split()[1] in (b"400", b"431")
    assert b"forged" not in client.received
    assert "Traceback" not in "\n".join(log)
    customer.used_nothing()
    assert customer.usage() == []


@pytest.mark.parametrize(
    "start", [b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"POST /v1/messages HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00"]
)
def test_what_is_no_http_is_answered_with_400_or_silence(gateway_server, start):
    with RawClient(gateway_server.url) as client:
        client.send(start + b"\r\n" * 4)
        first = client.received or client.read_until(b"\r\n")
    assert first.split()[1] == b"400"


def test_bodies_are_never_in_the_log_whatever_becomes_of_the_request(gateway_server, customer, log):
    body = {"messages": [{"role": "user", "content": MARKER}], "max_tokens": 50, "user": MARKER}
    answers = [
        scripts.whole(wire.openai_answer(MARKER)),
        scripts.stream(*wire.openai_stream(MARKER)),
        scripts.whole({"error": {"message": MARKER, "type": "invalid_request_error"}}, status=400),
        scripts.whole(MARKER.encode(), status=500),
        scripts.stream(wire.OPENAI_ROLE, wire.openai_chunk({"content": MARKER}), end="reset"),
        scripts.stream(wire.OPENAI_ROLE, wire.openai_chunk({"content": "x"}), wire.openai_error(MARKER)),
        scripts.raw(MARKER.encode()),
        scripts.stream(b"data: {" + MARKER.encode()),
    ]
    model = gateway_server.model(*answers)
    with gateway_server.client(customer) as client:
        for number in range(len(answers)):
            client.post(OPENAI.path, json={"model": model.public_id, "stream": number in (1, 4, 5, 7), **body})
    customer.idle()
    assert len(model.requests()) == len(answers)
    lines = "\n".join(log)
    assert "/v1/chat/completions" in lines
    assert MARKER not in lines
    assert customer.key not in lines
    assert "provider-credential" not in lines
