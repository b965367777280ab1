"""Each major of the official SDKs, in a process of its own, against providers of both protocols: the four rows."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from catalog.money import usd_to_nanos
from catalog.pricing import Usage
from tests import prerequisites
from tests.clients.provider import ANTHROPIC, OPENAI, PIECES, USAGE, Call, Provider
from tests.gateway.platform import price_of
from tests.upstreams import scripts

DRIVERS = Path(__file__).parent / "drivers"
TEXT = "".join(PIECES)
CALLS = (Call("call_a", "look_up", {"town": "Ulm"}), Call("call_b", "add", {"numbers": [2, 2]}))
CALLS_SEEN = [["call_a", "look_up", {"town": "Ulm"}], ["call_b", "add", {"numbers": [2, 2]}]]
CLIENTS = [
    *["openai-1.py", "openai-3.py", "anthropic-0.py", "anthropic-2.py"],
    *["openai-6.mjs", "openai-7.mjs", "anthropic-0.mjs", "anthropic-1.mjs"],
]
FAILURES = ("stranger", "poor", "busy", "cut")
TIMEOUT_SECONDS = 60


def talk(client: str, told: dict[str, Any]) -> Any:
    """What the client's own program says, after checking that it ran with the major it is named for."""
    name, _, kind = client.rpartition(".")
    library, _, major = name.partition("-")
    if kind == "py":
        command = [prerequisites.client_python(name)]
    else:
        packages = prerequisites.node_clients()
        command, told = [Path("node")], {**told, "packages": str(packages), "client": name}
    ran = subprocess.run(
        [*command, DRIVERS / f"{library}_sdk.{kind}"],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert said.pop("version").split(".")[0] == major
    return said


def failures(client: str, *, of_openai: bool) -> dict[str, Any]:
    """Class, status and the protocol's own word of each failure. A 402 has a class of its own in some majors only."""
    python = client.endswith(".py")
    owns_402 = client in {"anthropic-2.py", "anthropic-1.mjs"}
    poor = "PaymentRequiredError" if owns_402 else "APIStatusError" if python else "APIError"
    if of_openai:
        return {
            "stranger": ("AuthenticationError", 401, "invalid_api_key"),
            "poor": (poor, 402, "insufficient_balance"),
            "busy": ("RateLimitError", 429, "rate_limit_exceeded"),
            "cut": ("APIError", None, "upstream_error"),
        }
    return {
        "stranger": ("AuthenticationError", 401, "authentication_error"),
        "poor": (poor, 402, "billing_error"),
        "busy": ("RateLimitError", 429, "rate_limit_error"),
        "cut": ("APIStatusError", 200, "api_error") if python else ("APIError", None, "api_error"),
    }


@pytest.mark.parametrize("provider", [OPENAI, ANTHROPIC], ids=lambda provider: provider.protocol)
@pytest.mark.parametrize("client", CLIENTS)
def test_the_sdk_gets_everything_and_is_charged_for_it(gateway_server, customer, client, provider: Provider):
    model = gateway_server.model(provider.script(*CALLS), protocol=provider.protocol)
    told = {
        "url": gateway_server.url,
        "key": customer.key,
        "poor_key": gateway_server.customer(credit="0").key,
        "model": model.public_id,
    }
    of_openai = client.startswith("openai")
    embeds = of_openai and provider is OPENAI
    if embeds:
        vectors = [{"object": "embedding", "index": 0, "embedding": "AAAAPwAAgL4="}]
        answer = {"object": "list", "data": vectors, "model": "m", "usage": {"prompt_tokens": 12, "total_tokens": 12}}
        told["embedder"] = gateway_server.model(scripts.whole(answer), capabilities=["embeddings"]).public_id

    said = talk(client, told)

    stop, usage = ("stop", [1500, 500, 200]) if of_openai else ("end_turn", [1000, 500, 200])
    whole = {"model": model.public_id, "text": TEXT, "stop": stop, "usage": usage}
    assert said["whole"] == whole
    assert said["streamed"] == {**whole, "pieces": list(PIECES)}
    assert said["tools"] == {**whole, "calls": CALLS_SEEN}
    assert provider.results(model.requests()[_tool_turn(model, provider)].json) == {"call_a": "sunny", "call_b": "4"}
    assert said["listed"]
    if of_openai:
        answered = {**whole, "stop": "completed"}
        assert said["responses"] == {"whole": answered, "streamed": answered}
    else:
        assert said["counted"] == 42 if provider is ANTHROPIC else 1 <= said["counted"] < 20
    assert {name: tuple(said[name][part] for part in ("class", "status", "word")) for name in FAILURES} == failures(
        client, of_openai=of_openai
    )
    assert "Slow down" in said["busy"]["message"]
    check_charges(customer, answers=6 if of_openai else 4, embeds=embeds)


def _tool_turn(model: Any, provider: Provider) -> int:
    [turn] = [number for number, each in enumerate(model.requests()) if b"call_b" in each.body]
    return turn


def check_charges(customer: Any, *, answers: int, embeds: bool) -> None:
    """Each answer by what the provider said it used, the cut one by what came, a refusal by nothing."""
    rows = customer.used(requests=answers + embeds + 2)
    charges = sorted(row.charge_nanos for row in rows)
    expected = [price_of(USAGE)] * answers + [price_of(Usage(12))] * embeds
    refused, *others = charges
    assert refused == 0
    for charge in expected:
        others.remove(charge)
    [cut] = others
    assert 0 < cut < price_of(USAGE)
    assert customer.wallet().balance_nanos == usd_to_nanos("10.00") - sum(charges)
