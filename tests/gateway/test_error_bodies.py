"""An upstream's error, whatever it looks like: the client's own shape, its sentence kept, its secrets not."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from gateway.error_bodies import MESSAGE_CHARACTERS_MAX, body_message, body_text
from gateway.retry_after import retry_after_read
from tests.gateway.protocols import ANTHROPIC, OPENAI, both, streamed_and_not
from tests.upstreams import scripts, wire

SECRET = "sk-live-0123456789abcdefghij"
PAGE = b"<!DOCTYPE html>\n<html><head><title>413 Request\n Entity &amp; Too Large</title></head><p>nginx</p></html>"
BODIES: dict[str, tuple[bytes, str]] = {
    # what comes: what a person is told
    "openai": (b'{"error":{"message":"too warm","type":"invalid_request_error","code":null}}', "too warm"),
    "anthropic": (b'{"type":"error","error":{"type":"invalid_request_error","message":"too warm"}}', "too warm"),
    "a number as code": (b'{"error":{"message":"too warm","code":400}}', "too warm"),
    "a number as type": (b'{"error":{"message":"too warm","type":7,"param":3}}', "too warm"),
    "only a message": (b'{"message":"too warm","request_id":"x"}', "too warm"),
    "error as text": (b'{"error":"too warm"}', "too warm"),
    "detail as text": (b'{"detail":"too warm"}', "too warm"),
    "detail as a list": (
        b'{"detail":[{"loc":["body","messages",0],"msg":"field required","type":"missing"},{"msg":"and more"}]}',
        "body.messages.0: field required; and more",
    ),
    "detail as an object": (b'{"detail":{"error":{"message":"too warm"}}}', "too warm"),
    "errors": (b'{"errors":[{"message":"too warm"},"too cold"]}', "too warm; too cold"),
    "a list": (b'[{"error":{"code":400,"message":"too warm","status":"INVALID_ARGUMENT"}}]', "too warm"),
    "a problem": (b'{"type":"about:blank","title":"Bad","detail":"too warm","status":400}', "too warm"),
    "JSON in the message": (
        json.dumps({"error": {"message": json.dumps({"error": {"message": "too warm"}}), "type": "x"}}).encode(),
        "too warm",
    ),
    "JSON as text": (json.dumps(json.dumps({"message": "too warm"})).encode(), "too warm"),
    "plain": (b"too\r\nwarm\x00\x1b", "too warm"),
    "a page": (PAGE, "413 Request Entity & Too Large"),
    "a page without a title": (b"<html><body>" + b"x" * 500, ""),
    "with a mark": (b'\xef\xbb\xbf{"error":{"message":"too warm","type":"x"}}', "too warm"),
    "utf-16": ('{"error":{"message":"zu heiß"}}'.encode("utf-16"), "zu heiß"),
    "latin-1": ('{"error":{"message":"zu heiß"}}'.encode("latin-1"), "zu heiß"),
    "empty": (b"", ""),
    "spaces": (b" \n ", ""),
    "null": (b"null", ""),
    "empty object": (b"{}", ""),
    "an empty message": (b'{"error":{"message":"","type":"x"}}', ""),
    "cut": (b'{"error":{"message":"too wa', "too wa"),
    "deep": (b'{"error":' * 3000 + b"1" + b"}" * 3000, ""),
    "huge": (b'{"error":{"message":"too warm ' + b"x" * 400_000 + b'"}}', "too warm xxx"),
    "a secret": (f'{{"error":{{"message":"too warm for {SECRET} at https://u:p@host/x"}}}}'.encode(), "too warm for"),
}
DEFAULT = "The model's provider refused the request."
upstreams = pytest.mark.parametrize("other", [OPENAI, ANTHROPIC], ids=["openai upstream", "anthropic upstream"])


def ask(server, customer, model, protocol, *, streamed=False):
    with server.client(customer) as client:
        return client.post(protocol.path, json={"model": model.public_id, "stream": streamed, **protocol.body})


@both
@upstreams
def test_every_form_of_a_refusal_becomes_the_clients_shape(gateway_server, customer, protocol, other):
    """One model and one connection for them all: each form in turn."""
    forms = list(BODIES.values())
    answers = [scripts.whole(body, status=422, content_type="text/plain", headers=RATES) for body, _ in forms]
    model = gateway_server.model(*answers, protocol=other.name)
    for name, (_, said) in BODIES.items():
        answer = ask(gateway_server, customer, model, protocol)
        assert answer.status_code == 422, name
        error = answer.json()["error"]
        assert {"message", "type"} <= set(error), name
        assert protocol is OPENAI or answer.json()["type"] == "error", name
        assert {type(error.get(field)) for field in ("code", "param")} <= {str, type(None)}, name
        assert isinstance(error["type"], str), name
        assert said in error["message"], name
        assert error["message"] if said else error["message"] == DEFAULT, name
        assert len(error["message"]) <= MESSAGE_CHARACTERS_MAX, name
        assert SECRET not in answer.text, name
        assert "u:p@" not in answer.text, name
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers.get("x-ratelimit-remaining-requests") != "12345"
        assert "x-should-retry" not in answer.headers
    assert len(model.requests()) == len(forms)
    assert customer.idle().balance_nanos == 10_000_000_000


RATES = {"x-ratelimit-remaining-requests": "12345", "anthropic-ratelimit-requests-remaining": "12345"}
RATES |= {"anthropic-ratelimit-tokens-limit": "12345", "x-should-retry": "false"}


@both
@upstreams
@pytest.mark.parametrize("status", [429, 500, 503, 529])
def test_an_upstream_in_trouble_is_quoted_and_its_wait_kept(gateway_server, customer, protocol, other, status):
    body = {"type": "error", "error": {"message": "plums are out", "type": "api_error"}}
    script = scripts.whole(body, status=status, headers={"retry-after-ms": "1500", "retry-after": "90", **RATES})
    model = gateway_server.model(script, protocol=other.name)
    answer = ask(gateway_server, customer, model, protocol, streamed=True)
    overloaded = 529 if protocol is ANTHROPIC else 503
    assert answer.status_code == {429: 429, 529: overloaded}.get(status, 502)
    assert "plums are out" in answer.json()["error"]["message"]
    assert answer.headers["retry-after"] == "2"
    assert "12345" not in answer.headers.values()
    customer.used_nothing()


@both
@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_what_is_between_us_and_the_provider_is_not_told(gateway_server, customer, protocol, status):
    body = {"type": "error", "error": {"message": "your credit is too low", "type": "billing_error"}}
    model = gateway_server.model(scripts.whole(body, status=status), protocol=protocol.name)
    answer = ask(gateway_server, customer, model, protocol)
    assert answer.status_code == 502
    assert "credit" not in answer.text


def date(seconds):
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@both
def test_a_date_to_retry_at_becomes_seconds(gateway_server, customer, protocol):
    script = scripts.whole(b"slow down", status=429, headers={"retry-after": date(60)})
    model = gateway_server.model(script, protocol=protocol.name)
    answer = ask(gateway_server, customer, model, protocol)
    assert 50 <= int(answer.headers["retry-after"]) <= 60
    assert answer.json()["error"]["message"] == "slow down"


NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
WAITS = {
    # what the headers say, and how long that is
    (("retry-after", "7"),): "7",
    (("retry-after", "7.2"),): "8",
    (("retry-after", "0"),): "0",
    (("retry-after-ms", "1500"), ("retry-after", "90")): "2",
    (("retry-after-ms", "soon"), ("retry-after", "90")): "90",
    (("retry-after", "Tue, 24 Nov 2026 12:00:30 GMT"),): "30",
    (("retry-after", "Tue, 24 Nov 2026 11:00:00 GMT"),): "0",
    (("retry-after", "Tue, 24 Nov 2026 12:00:30 -0000"),): "30",
    (("retry-after", "in a while"),): None,
    (("retry-after", "-5"),): None,
    (("retry-after", "nan"),): None,
    (("retry-after", "inf"),): None,
    (("retry-after", "99999999999"),): None,
    (("retry-after", "Tue, 24 Nov 99999 12:00:30 GMT"),): None,
    (): None,
}


@pytest.mark.parametrize("headers", WAITS, ids=str)
def test_how_long_to_wait_is_read_in_every_form(headers):
    assert retry_after_read(dict(headers).get, NOW) == WAITS[headers]


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("heiß".encode(), "text/plain; charset=latin-1", "heiß"),
        ("heiß".encode("cp1252"), "text/plain; charset=windows-1252", "heiß"),
        ("熱い".encode("shift_jis"), 'application/json; charset="Shift_JIS"', "熱い"),
        (b"hei\xdf", "text/plain; charset=martian", "heiß"),
        (b"hei\xdf", None, "heiß"),
        (b"hei\xdf", "text/plain; charset=\x00", "heiß"),
        ("heiß".encode("utf-16-be"), None, "\x00h\x00e\x00i\x00ß"),
    ],
)
def test_the_charset_is_found(body, content_type, text):
    assert body_text(body, content_type) == text


def test_a_sentence_within_a_sentence_is_not_searched_for_ever():
    said = "the end"
    for _ in range(12):
        said = json.dumps({"message": said})
    assert body_message(said)


IN_200: dict[str, tuple[bytes, int, str]] = {
    # a body under status 200: the client's status and what it is told
    "error": (b'{"error":{"message":"plums are out","type":"server_error"}}', 502, "plums are out"),
    "refusal": (b'{"error":{"message":"too warm","type":"invalid_request_error"}}', 400, "too warm"),
    "refusal by number": (b'{"error":{"message":"too warm","code":400}}', 400, "too warm"),
    "busy by number": (b'{"error":{"message":"slow down","code":429}}', 429, "slow down"),
    "error as text": (b'{"error":"plums are out"}', 502, "plums are out"),
    "detail": (b'{"detail":"plums are out"}', 502, "plums are out"),
    "message": (b'{"code":"Throttling","message":"plums are out"}', 502, "plums are out"),
    "our key": (b'{"error":{"message":"bad key","type":"authentication_error"}}', 502, ""),
    "nothing": (b"{}", 502, ""),
}


@both
@upstreams
@streamed_and_not
def test_an_error_under_status_200_is_a_real_status_and_free(gateway_server, customer, protocol, other, streamed):
    answers = [scripts.whole(body) for body, _, _ in IN_200.values()]
    model = gateway_server.model(*answers, protocol=other.name)
    for name, (_, status, said) in IN_200.items():
        answer = ask(gateway_server, customer, model, protocol, streamed=streamed)
        assert answer.status_code == status, name
        assert protocol.error_type(answer.json()), name
        assert said in answer.json()["error"]["message"], name
        assert "bad key" not in answer.text, name
    assert customer.idle().balance_nanos == 10_000_000_000


@both
@upstreams
def test_a_first_event_that_is_an_error_is_a_real_status(gateway_server, customer, protocol, other):
    refused = {"message": "too warm", "type": "invalid_request_error"}
    event = wire.anthropic_error(refused["type"], refused["message"]) if other is ANTHROPIC else None
    event = event or b"data: " + json.dumps({"error": {**refused, "type": None, "code": 400}}).encode() + b"\n\n"
    model = gateway_server.model(scripts.stream(b": waiting\n\n", event), protocol=other.name)
    answer = ask(gateway_server, customer, model, protocol, streamed=True)
    assert answer.status_code == 400
    assert protocol.error_type(answer.json()) == "invalid_request_error"
    assert answer.json()["error"]["message"] == "too warm"
    customer.used_nothing()
