"""Versions of Anthropic's API, ways to show a key, and what Claude Code asks beside messages: raw requests."""

import json

import pytest

from tests.gateway.protocols import ANTHROPIC, OPENAI, both
from tests.gateway.rawclient import RawClient
from tests.upstreams import scripts, wire

VERSIONS = ["2023-06-01", "2026-10-21", "2099-01-01", None]
BETAS = "claude-code-20250219,interleaved-thinking-2025-05-14"


def send(server, path, body, headers):
    """One request by hand; `headers` are lines, so that a name may come twice and in any case."""
    data = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "host: gateway", f"content-length: {len(data)}", *headers]
    with RawClient(server.url) as client:
        client.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + data)
        return client.answer()


@pytest.mark.parametrize(
    ("version", "style"), list(zip(VERSIONS, ["x-api-key", "bearer", "bearer", "x-api-key"], strict=True))
)
def test_row_4_forwards_version_and_betas_as_they_are(gateway_server, customer, version, style):
    model = gateway_server.model(scripts.whole(wire.anthropic_answer()), protocol="anthropic_messages")
    shown = f"Authorization: Bearer {customer.key}" if style == "bearer" else f"X-Api-Key: {customer.key}"
    headers = [shown, *([f"Anthropic-Version: {version}", f"Anthropic-Beta: {BETAS}"] if version else [])]
    body = {"model": model.public_id, **ANTHROPIC.body}
    status, _, _ = send(gateway_server, "/v1/messages?beta=true" if version else "/v1/messages", body, headers)
    assert status == 200
    [request] = model.requests()
    assert request.target == ("/v1/messages?beta=true" if version else "/v1/messages")
    assert request.header("anthropic-version") == (version or "2023-06-01")
    assert request.header("anthropic-beta") == (BETAS if version else None)
    assert customer.key not in str(request.headers)


def test_betas_in_two_headers_all_arrive(gateway_server, customer):
    model = gateway_server.model(scripts.whole(wire.anthropic_answer()), protocol="anthropic_messages")
    headers = [f"x-api-key: {customer.key}", "anthropic-beta: one-2025-01-01", "Anthropic-Beta: two-2026-02-02"]
    assert send(gateway_server, "/v1/messages", {"model": model.public_id, **ANTHROPIC.body}, headers)[0] == 200
    assert model.requests()[0].header("anthropic-beta") == "one-2025-01-01,two-2026-02-02"


@pytest.mark.parametrize("version", VERSIONS[1:3])
def test_row_2_answers_whatever_the_version(gateway_server, customer, version):
    model = gateway_server.model(scripts.whole(wire.openai_answer()))
    headers = [f"authorization: Bearer {customer.key}", f"anthropic-beta: {BETAS}"]
    headers.append(f"anthropic-version: {version}")
    body = {"model": model.public_id, **ANTHROPIC.body}
    status, _, answer = send(gateway_server, "/v1/messages?beta=true", body, headers)
    assert status == 200
    assert json.loads(answer)["content"] == [{"type": "text", "text": "Two plums"}]
    [request] = model.requests()
    assert request.target == "/v1/chat/completions"
    assert not [name for name, _ in request.headers if name.startswith("anthropic-")]


def test_row_3_always_names_the_version_it_speaks(gateway_server, customer):
    """An OpenAI client's stray headers would change what the provider makes of a request that we wrote."""
    model = gateway_server.model(scripts.whole(wire.anthropic_answer()), protocol="anthropic_messages")
    body = {"model": model.public_id, "temperature": 0.5, **OPENAI.body}
    strays = ["anthropic-version: 2026-10-21", f"anthropic-beta: {BETAS}", "x-api-key: sk-ant-somebody-elses"]
    for headers in ([], strays):
        shown = [*headers, f"Authorization: Bearer {customer.key}"]
        assert send(gateway_server, "/v1/chat/completions?beta=true", body, shown)[0] == 200
    for request in model.requests():
        assert request.header("anthropic-version") == "2023-06-01"
        assert request.header("anthropic-beta") is None
        assert request.target == "/v1/messages"
        assert "somebody-elses" not in str(request.headers)


KEYS = {
    # how the key is shown; {} is ours
    "bearer": ["Authorization: Bearer {}"],
    "all lower": ["authorization: bearer {}"],
    "all upper": ["AUTHORIZATION: BEARER {}"],
    "x-api-key": ["x-api-key: {}"],
    "X-API-KEY": ["X-API-KEY: {}"],
    "both ours": ["x-api-key: {}", "authorization: Bearer {}"],
    "both, theirs first": ["x-api-key: sk-ant-somebody-elses", "authorization: Bearer {}"],
    "both, ours first": ["x-api-key: {}", "authorization: Bearer sk-ant-somebody-elses"],
    "both, one empty": ["x-api-key: ", "authorization: Bearer {}"],
    "spaces": ["authorization: Bearer   {}  "],
}


@both
def test_a_key_is_taken_however_it_is_shown(gateway_server, customer, protocol):
    model = gateway_server.model(scripts.whole(protocol.answer()), protocol=protocol.name)
    for shown, lines in KEYS.items():
        headers = [line.format(customer.key) for line in lines]
        body = {"model": model.public_id, **protocol.body}
        assert send(gateway_server, protocol.path, body, headers)[0] == 200, shown
    assert customer.key not in str([request.headers for request in model.requests()])


def test_claude_codes_probe_of_the_root(gateway_server):
    with RawClient(gateway_server.url) as client:
        client.send(b"HEAD / HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: Bun/1.3\r\nconnection: close\r\n\r\n")
        head, _, body = client.read_all().partition(b"\r\n\r\n")
    assert head.split()[1] == b"200"
    assert body == b""


@pytest.mark.parametrize("shown", ["Bearer", "x-api-key"])
@pytest.mark.parametrize("path", ["/v1/models", "/v1/models?limit=1000", "/v1/models?beta=true"])
def test_the_models_in_the_shape_of_who_asks(gateway_server, customer, path, shown):
    model = gateway_server.model(scripts.whole(wire.openai_answer()))
    key = customer.bearer if shown == "Bearer" else {"x-api-key": customer.key}
    with gateway_server.client() as client:
        theirs = client.get(path, headers={**key, "anthropic-version": "2026-10-21"}).json()
        openai = client.get(path, headers=key).json()
        one = client.get(f"/v1/models/{model.public_id}", headers={**key, "anthropic-version": "2023-06-01"}).json()
    assert set(theirs) == {"data", "has_more", "first_id", "last_id"}
    assert {"type": "model", "id": model.public_id}.items() <= one.items()
    assert one in theirs["data"]
    assert openai["object"] == "list"
    assert model.public_id in [each["id"] for each in openai["data"]]
