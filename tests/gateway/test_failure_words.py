"""What an upstream says about the context's length and about our account there, in every client's words."""

from typing import Any

import pytest

from tests.gateway.protocols import ANTHROPIC, OPENAI, both
from tests.upstreams import scripts

TOO_LONG: dict[str, dict[str, Any]] = {
    "openai": {
        "error": {
            "message": "This model's maximum context length is 8192 tokens. However, you asked for 9000.",
            "type": "invalid_request_error",
            "param": "messages",
            "code": "context_length_exceeded",
        }
    },
    "vllm": {
        "object": "error",
        "type": "BadRequestError",
        "message": "Requested token count exceeds the model's maximum context length of 8192 tokens.",
    },
    "words": {"detail": "Prompt too long: 9000 tokens exceeds max context window of 8192 tokens"},
    "anthropic": {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "prompt is too long: 9000 tokens > 8192 maximum"},
    },
    "anthropic both": {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "message": "input length and `max_tokens` exceed context limit: 8000 + 900 > 8192",
        },
    },
}
ACCOUNT: dict[str, tuple[int, dict[str, Any]]] = {
    "openai 429": (429, {"error": {"message": "You exceeded your current quota.", "code": "insufficient_quota"}}),
    "anthropic 400": (
        400,
        {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "Your credit balance is too low to access the API."},
        },
    ),
}


def ask(gateway_server, customer, model, protocol):
    with gateway_server.client(customer) as client:
        return client.post(protocol.path, json={"model": model.public_id, **protocol.body})


def relayed(body):
    """What the provider said: `metadata` is ours."""
    return body | {"error": {name: value for name, value in body["error"].items() if name != "metadata"}}


@both
@pytest.mark.parametrize("provider", [OPENAI, ANTHROPIC], ids=["from openai", "from anthropic"])
@pytest.mark.parametrize("kind", TOO_LONG)
def test_a_prompt_beyond_the_context_reads_so_in_the_clients_protocol(
    gateway_server, customer, protocol, provider, kind
):
    model = gateway_server.model(scripts.whole(TOO_LONG[kind], status=400), protocol=provider.name)
    answer = ask(gateway_server, customer, model, protocol)
    assert answer.status_code == 400
    error = answer.json()["error"]
    said = TOO_LONG[kind].get("error", TOO_LONG[kind])
    assert (said.get("message") or said["detail"]) in error["message"]
    if protocol is ANTHROPIC:
        assert error["type"] == "invalid_request_error"
        assert "prompt is too long" in error["message"].lower() or (provider is ANTHROPIC and "anthropic" in kind)
    elif not (provider is OPENAI and relayed(answer.json()) == TOO_LONG[kind]):
        assert error["code"] == "context_length_exceeded"


@both
@pytest.mark.parametrize("kind", ACCOUNT)
def test_our_own_empty_account_is_no_fault_of_the_customers(gateway_server, customer, protocol, kind):
    status, body = ACCOUNT[kind]
    model = gateway_server.model(scripts.whole(body, status=status), routes=2, protocol=protocol.name)
    model.on(scripts.whole(body, status=status), route=1)
    answer = ask(gateway_server, customer, model, protocol)
    assert answer.status_code == 502
    assert "quota" not in answer.text
    assert "credit balance" not in answer.text
    assert (len(model.requests(0)), len(model.requests(1))) == (1, 1)
