"""Every sample of the documentation is run as a reader runs it: copied whole, against the real gateway, and charged."""

import json
import os
import re
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import pytest

from accounts.api_key_selectors import caller_get_now
from accounts.keys import key_hash
from accounts.management_keys import management_key_create
from accounts.selectors import members_list
from billing.ledger import usage_settle
from billing.webhook_post import webhook_signature
from catalog.docs.registry import snippets
from catalog.money import nanos_to_usd
from tests import prerequisites
from tests.clients.provider import ANTHROPIC, OPENAI, PIECES, Call, Provider
from tests.tokenoutput.pages import Visitor, visitor
from tests.upstreams import scripts, wire

TEXT = "".join(PIECES)
TIMEOUT_SECONDS = 60
NEWEST = {"openai": "openai-7", "@anthropic-ai/sdk": "anthropic-1"}
# What each prints, and how many charges it leaves.
RUN = {
    "curl_chat": (TEXT, 1),
    "curl_stream": ("data: [DONE]", 1),
    "python_openai": (TEXT, 1),
    "node_openai": (TEXT, 1),
    "python_stream": (f"{TEXT}\n1700 tokens", 1),
    "node_stream": (f"{TEXT}\n1700 tokens", 1),
    "curl_tools": ('"name": "weather"', 1),
    "python_tools": (TEXT, 2),
    "node_tools": (TEXT, 2),
    "curl_responses": (TEXT, 1),
    "python_responses": (f"{TEXT}\n{TEXT}", 2),
    "node_responses": (f"{TEXT}\n{TEXT}", 2),
    "curl_embeddings": ('"embedding"', 1),
    "python_embeddings": ("embedding 0: 2 numbers", 1),
    "node_embeddings": ("embedding 0: 2 numbers", 1),
    "curl_models": ("the model", 0),
    "python_models": ("the model", 0),
    "node_models": ("the model", 0),
    "curl_messages": (TEXT, 1),
    "python_anthropic": (TEXT, 1),
    "node_anthropic": (TEXT, 1),
    "curl_messages_stream": ("event: message_stop", 1),
    "python_anthropic_stream": (TEXT, 1),
    "node_anthropic_stream": (TEXT, 1),
    "curl_count_tokens": ('"input_tokens"', 0),
    "python_count_tokens": ("input_tokens: 42", 0),
    "node_count_tokens": ("input_tokens: 42", 0),
    "claude_test": (TEXT, 1),
}
# Claude Code and Codex are given theirs in test_coding_agents; the others have tests of their own below.
ELSEWHERE = {"claude_code", "codex", "claude_shell", "claude_powershell", "python_webhook"}
ELSEWHERE |= {"curl_manage", "python_manage", "python_connect", "curl_connect"}
VECTORS = {
    "object": "list",
    "model": "m",
    "data": [{"object": "embedding", "index": index, "embedding": "AAAAPwAAgL4="} for index in range(2)],
    "usage": {"prompt_tokens": 12, "total_tokens": 12},
}


def script_of(provider: Provider):
    """The provider calls the sample's tool where there is one and no result yet; else it answers with text."""

    async def script(exchange):
        body = exchange.request.json
        if body.get("tools") and not provider.results(body):
            message = {"role": "assistant", "content": None, "tool_calls": [_call()]}
            answer = {"choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}], **_ABOUT}
            await scripts.whole(answer)(exchange)
        else:
            await provider.script(Call("unused", "unused", {}))(exchange)

    return script


_ABOUT = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18},
}


def _call():
    function = {"name": "weather", "arguments": '{"town": "Ulm"}'}
    return {"id": "call_a", "type": "function", "function": function}


def command_of(sample, folder: Path) -> list[str]:
    if sample.language == "bash":
        return ["bash", "-euc", sample.code]
    if sample.language == "python":
        return [sys.executable, "-c", sample.code]
    packages = prerequisites.node_clients() / "node_modules"
    for name, version in NEWEST.items():
        link = folder / "node_modules" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(packages / version)
    (folder / "sample.mjs").write_text(sample.code)
    return ["node", "sample.mjs"]


def run(command: list[str], folder: Path, **variables: str) -> str:
    """What it prints; without settings of the machine's own SDKs, which would win over the sample's."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "NO_PROXY": "127.0.0.1", **variables},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", RUN)
def test_a_sample_runs_and_is_charged(gateway_server, customer, tmp_path, name):
    speaks = snippets(base_url="https://t.example", model="m")[name].speaks
    provider = ANTHROPIC if speaks == "anthropic" else OPENAI
    if speaks == "embeddings":
        model = gateway_server.model(scripts.whole(VECTORS), capabilities=["embeddings"])
    else:
        model = gateway_server.model(script_of(provider), protocol=provider.protocol)
    sample = snippets(base_url=gateway_server.url, model=model.public_id, key=customer.key)[name]
    printed = run(command_of(sample, tmp_path), tmp_path)
    expected, charges = RUN[name]
    assert (model.public_id if expected == "the model" else expected) in printed.replace("\\u00e4", "ä")
    customer.used(requests=charges)
    if name.endswith("_tools") and charges == 2:
        assert provider.results(model.requests()[-1].json) == {"call_a": "Sunny in Ulm, 21 degrees"}


def test_no_sample_is_left_out():
    samples = set(snippets(base_url="https://t.example", model="m"))
    assert samples == set(RUN) | ELSEWHERE
    assert not set(RUN) & ELSEWHERE


def test_both_shells_set_what_the_settings_file_sets(tmp_path):
    samples = snippets(base_url="https://t.example", model="acme/small-1", key="sk-mine")
    wanted = dict(re.findall(r'"(ANTHROPIC_\w+)": "([^"]*)"', samples["claude_code"].code))
    assert len(wanted) == 4
    printed = run(["bash", "-euc", samples["claude_shell"].code + "\nenv"], tmp_path)
    assert {line.split("=", 1)[0]: line.split("=", 1)[1] for line in printed.splitlines() if "ANTHROPIC_" in line} == (
        wanted
    )
    lines = samples["claude_powershell"].code.splitlines()
    found = re.findall(r'^\$env:(\w+) = "([^"$`]*)"$', "\n".join(lines), re.MULTILINE)
    assert len(found) == len(lines)
    assert dict(found) == wanted


def test_the_management_samples_make_one_key_and_add_up_the_ledger(gateway_server, settings, tmp_path):
    settings.SITE_URL = gateway_server.url
    customer = gateway_server.customer()
    model = gateway_server.model(scripts.whole(wire.openai_answer()))
    organization = {"organization_id": customer.organization_id}
    member = members_list(**organization)[0]
    scopes = ("keys:write", "billing:read")
    secret = management_key_create(**organization, member_id=member.id, name="ci", scopes=scopes).secret
    samples = snippets(base_url=gateway_server.url, model=model.public_id)

    def ran(name: str, lines: str = "type=usage&limit=100") -> str:
        sample = replace(samples[name], code=samples[name].code.replace("type=usage&limit=100", lines))
        return run(command_of(sample, tmp_path), tmp_path, TOKENOUTPUT_MANAGEMENT_KEY=secret)

    made = json.loads(ran("curl_manage"))
    assert (made["data"]["limit_usd"], made["data"]["allowed_models"]) == ("20.000000000", [model.public_id])
    assert json.loads(ran("curl_manage"))["key"] == made["key"]  # the same Idempotency-Key
    body = {"model": model.public_id, "messages": [{"role": "user", "content": "hello"}]}
    with gateway_server.client() as client:
        answer = client.post("/v1/chat/completions", json=body, headers={"x-api-key": made["key"]})
        assert answer.status_code == 200
    [row] = customer.used()
    usage_settle()
    charged = Decimal(nanos_to_usd(row.charge_nanos, 9))
    assert ran("python_manage") == f"spent: {charged} US dollars\n"
    assert ran("python_manage", "limit=1") == f"spent: {charged - 10} US dollars\n"  # page by page, the payment too


def allowed_code(address: str, who: Visitor) -> str:
    """What the app's callback is asked with, once a person allowed the key at this address."""
    form = {
        "organization": who.organization.slug,
        "name": "theirs",
        "expiry": "30",
        "limit_period": "",
        "limit_nanos": "",
    }
    answer = who.client.post(f"/auth?{urlsplit(address).query}", form)
    assert answer["Location"].startswith("http://localhost:3000/back?"), answer.content
    return parse_qs(urlsplit(answer["Location"]).query)["code"][0]


def test_the_samples_of_an_app_get_the_keys_that_a_person_allowed(gateway_server, tmp_path):
    person = visitor(uuid4().hex[:12])
    samples = snippets(base_url=gateway_server.url, model="m")
    command = [sys.executable, "-uc", samples["python_connect"].code]
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as app:
        assert app.stdin and app.stdout
        address = app.stdout.readline().split()[-1]
        printed, _ = app.communicate(allowed_code(address, person) + "\n", timeout=TIMEOUT_SECONDS)
    assert app.returncode == 0
    assert f"member {person.organization.member_id} gave sk-" in printed

    verifier = "v" * 43
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {"callback_url": "http://localhost:3000/back", "code_challenge": challenge, "code_challenge_method": "S256"}
    code = allowed_code(f"{gateway_server.url}/auth?{urlencode(query)}", person)
    made = json.loads(run(command_of(samples["curl_connect"], tmp_path), tmp_path, CODE=code, VERIFIER=verifier))
    found = [caller_get_now(key_hash=hashed) for hashed in [key_hash(made["key"])] if hashed]
    assert [caller and caller.organization_id for caller in found] == [person.organization.id]


def test_the_webhook_sample_believes_us_and_nobody_else():
    names: dict[str, Any] = {}
    exec(snippets(base_url="https://t.example", model="m")["python_webhook"].code, names)
    verified, body, now = names["verified"], b'{"id": "alert_1"}', int(time.time())
    signed = webhook_signature(secrets=["whsec_plum"], timestamp=now, body=body)
    assert verified(signed, body, "whsec_plum")
    assert not verified(signed, body + b" ", "whsec_plum")
    both = webhook_signature(secrets=["whsec_new", "whsec_plum"], timestamp=now, body=body)
    assert all(verified(both, body, secret) for secret in ("whsec_new", "whsec_plum"))
    assert not verified(both, body, "whsec_other")
    assert not verified(signed, body, "whsec_pear")
    assert not verified(webhook_signature(secrets=["whsec_plum"], timestamp=now - 400, body=body), body, "whsec_plum")
