"""Claude Code and Codex CLI, as customers set them up: one prompt, one tool call on the disk, one answer, charged."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from catalog.docs.registry import snippets
from tests import prerequisites
from tests.clients.provider import ANTHROPIC, OPENAI, PIECES, SIGNATURE, USAGE, Call, Provider
from tests.gateway.platform import price_of

TEXT = "".join(PIECES)
SECRET = "Mirabellen 7391"
THOUGHT = "I had better look into the basket."
SIGNED = {"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE}
TIMEOUT_SECONDS = 60
both = pytest.mark.parametrize("provider", [OPENAI, ANTHROPIC], ids=lambda provider: provider.protocol)


def run(command: list[Any], *, home: Path, project: Path, status: int = 0, **environment: str) -> str:
    """What the program prints, from an empty home: nothing of the machine's own settings reaches it."""
    ran = subprocess.run(
        command,
        cwd=project,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "TMPDIR": str(home),
            "NO_PROXY": "127.0.0.1",
            **environment,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert ran.returncode == status, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture
def home(tmp_path):
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def project(tmp_path):
    """A folder with one file, whose text only the tool can know."""
    path = tmp_path / "project"
    path.mkdir()
    (path / "basket.txt").write_text(f"{SECRET}\n")
    return path


def results_of(customer: Any, model: Any, provider: Provider) -> dict[str, str]:
    """What the provider got as the calls' results, after checking that each answer was charged as the provider said."""
    asked = [each for each in model.requests() if "count_tokens" not in each.target]
    rows = customer.used(requests=len(asked))
    assert {row.upstream_protocol for row in rows} == {provider.protocol}
    assert [row.charge_nanos for row in rows] == [price_of(USAGE)] * len(asked)
    return provider.results(asked[-1].json)


def thoughts_of(model: Any) -> list[Any]:
    """The thoughts that a provider of Anthropic's protocol got back with the calls."""
    blocks = [block for each in model.requests()[-1].json["messages"] for block in each["content"]]
    return [block for block in blocks if isinstance(block, dict) and block["type"] == "thinking"]


@pytest.fixture
def claude(gateway_server, home, project):
    """Runs Claude Code, set up by the sample of our documentation, and reads what it printed."""
    packages = prerequisites.node_clients()
    quiet = ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "DISABLE_AUTOUPDATER", "DISABLE_TELEMETRY")

    def said(customer: Any, model: Any, prompt: str, *, status: int = 0) -> Any:
        settings = home / "settings.json"
        samples = snippets(base_url=gateway_server.url, model=model.public_id, key=customer.key)
        settings.write_text(samples["claude_code"].code)
        program = ["node", packages / "node_modules/@anthropic-ai/claude-code/cli-wrapper.cjs", "-p", prompt]
        options = ["--settings", settings, "--output-format", "json", "--allowedTools", "Read"]
        known = dict.fromkeys(quiet, "1")
        return json.loads(run([*program, *options], home=home, project=project, status=status, **known))

    return said


@both
def test_claude_code(gateway_server, customer, claude, project, provider: Provider):
    reading = Call("toolu_01", "Read", {"file_path": str(project / "basket.txt")})
    failing = Call("toolu_02", "Read", {"file_path": str(project / "no-such-basket.txt")})
    model = gateway_server.model(provider.script(reading, failing, thought=THOUGHT), protocol=provider.protocol)
    said = claude(customer, model, "case:tools")
    assert (said["result"], said["is_error"], said["num_turns"]) == (TEXT, False, 3)
    [usage] = said["modelUsage"].values()
    assert (usage["inputTokens"], usage["cacheReadInputTokens"], usage["outputTokens"]) == (2000, 1000, 400)
    results = results_of(customer, model, provider)
    assert set(results) == {"toolu_01", "toolu_02"}
    assert SECRET in results["toolu_01"]
    assert "does not exist" in results["toolu_02"]
    if provider is ANTHROPIC:
        assert thoughts_of(model) == [SIGNED]


@both
def test_claude_code_with_a_name_it_knows_asks_for_more_than_the_model_gives(
    gateway_server, customer, claude, provider: Provider
):
    """It sends 32,000 tokens and a thinking budget of one less; the model's own maximum is 8,000."""
    name = f"claude-sonnet-4-5-{uuid4().hex[:8]}"
    model = gateway_server.model(provider.script(), protocol=provider.protocol, public_id=name)
    assert claude(customer, model, "hello")["result"] == TEXT
    sent = model.requests()[-1].json
    assert sent["max_tokens"] == 8000
    if provider is ANTHROPIC:
        assert (sent["thinking"]["type"], sent["thinking"]["budget_tokens"]) == ("enabled", 4000)
    else:
        assert sent["reasoning_effort"] == "high"
    assert results_of(customer, model, provider) == {}


@both
def test_claude_code_counts_for_free_and_says_when_the_money_is_out(
    gateway_server, customer, claude, provider: Provider
):
    model = gateway_server.model(provider.script(), protocol=provider.protocol)
    poor = gateway_server.customer(credit="0")
    assert "## Context Usage" in claude(poor, model, "/context")["result"]
    counted = {each.target for each in model.requests()}
    assert counted == ({"/v1/messages/count_tokens?beta=true"} if provider is ANTHROPIC else set())
    said = claude(poor, model, "hello", status=1)
    assert (said["is_error"], said["api_error_status"], said["api_error_type"]) == (True, 402, "billing_error")
    assert "Nothing was charged." in said["result"]
    assert poor.usage() == []


@both
def test_codex(gateway_server, customer, home, project, provider: Provider):
    packages = prerequisites.node_clients()
    reading = Call("call_01", "exec_command", {"cmd": "cat basket.txt"})
    model = gateway_server.model(provider.script(reading, thought=THOUGHT), protocol=provider.protocol)
    sample = snippets(base_url=gateway_server.url, model=model.public_id, key=customer.key)["codex"].code
    (home / "config.toml").write_text(f"{sample}\n[analytics]\nenabled = false\n")
    program = ["node", packages / "node_modules/@openai/codex/bin/codex.js"]
    options = ["--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "--json"]
    told = {"CODEX_HOME": str(home), "TOKENOUTPUT_API_KEY": customer.key}
    printed = run([*program, "exec", *options, "case:tools"], home=home, project=project, **told)
    events = [json.loads(line) for line in printed.splitlines()]
    items = [event["item"] for event in events if event["type"] == "item.completed"]
    [ran] = [item for item in items if item["type"] == "command_execution"]
    assert (ran["exit_code"], ran["aggregated_output"].strip()) == (0, SECRET)
    assert [item["text"] for item in items if item["type"] == "agent_message"] == [TEXT]
    assert events[-1]["type"] == "turn.completed"
    assert events[-1]["usage"]["output_tokens"] == 400
    [(call_id, result)] = results_of(customer, model, provider).items()
    assert call_id == "call_01"
    assert SECRET in result
    if provider is ANTHROPIC:
        assert thoughts_of(model) == [SIGNED]
