"""Every sample answer in both rows it fits, every sample request in both rows it fits, and every stream cut short."""

import json
import os
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from catalog.pricing import Usage
from tests.gateway.platform import Customer, SoldModel, price_of
from tests.samples import meaning
from tests.samples.meaning import FINISHES, STOPS, Meaning
from tests.upstreams.scripts import stream, whole

FOLDER = Path(os.environ["SAMPLES_DIR"])
COUNTS: Counter[str] = Counter()
PATHS = {"openai_chat": "/v1/chat/completions", "anthropic_messages": "/v1/messages"}
# (client, upstream) by row.
ROWS = {
    1: ("openai_chat", "openai_chat"),
    2: ("anthropic_messages", "openai_chat"),
    3: ("openai_chat", "anthropic_messages"),
    4: ("anthropic_messages", "anthropic_messages"),
}
READ = {
    ("openai_chat", False): meaning.openai_whole,
    ("openai_chat", True): meaning.openai_stream,
    ("anthropic_messages", False): meaning.anthropic_whole,
    ("anthropic_messages", True): meaning.anthropic_stream,
}
SAMPLES = sorted(path.parent for name in PATHS for path in FOLDER.glob(f"{name}/*/meta.json"))
MODEL = re.compile(rb'"model"\s*:\s*"(?:[^"\\]|\\.)*"')
ODD = 7  # Bytes at a time: nothing on the wire begins or ends where events do.


def rows_of(upstream: str) -> list[int]:
    return [row for row, (_, spoken) in ROWS.items() if spoken == upstream]


ANSWERS = [(path, row) for path in SAMPLES for row in rows_of(path.parent.name)]
REQUESTS = [(path, row) for path in SAMPLES for row, (client, _) in ROWS.items() if client == path.parent.name]
STREAMS = [(path, row) for path, row in ANSWERS if (path / "response.sse").exists()]


# One body that holds several answers one after the other: what it means as one is anybody's guess.
SEVERAL = {path for path in SAMPLES if (path / "response.sse").exists()
           and (path / "response.sse").read_bytes().count(b'"type":"message_start"') > 1}  # fmt: skip


def named(case: tuple[Path, int]) -> str:
    return f"row{case[1]}-{case[0].name}"


class Sample:
    """One recorded answer."""

    def __init__(self, folder: Path) -> None:
        self.meta = json.loads((folder / "meta.json").read_text())
        self.protocol = folder.parent.name
        self.streams = (folder / "response.sse").exists()
        self.body = (folder / ("response.sse" if self.streams else "response.json")).read_bytes()
        self.status = self.meta["status"]

    def script(self, *, body: bytes | None = None) -> Any:
        data = self.body if body is None else body
        if self.streams:
            return stream(*(data[at : at + ODD] for at in range(0, len(data), ODD)))
        kept = {name: value for name, value in self.meta["response_headers"].items() if name == "retry-after"}
        kind = self.meta["response_headers"].get("content-type", "application/json")
        return whole(data, status=self.status, content_type=kind, headers=kept)

    def told(self) -> Meaning:
        return READ[self.protocol, self.streams](self.body)


@pytest.fixture(scope="module")
def models() -> dict[int, SoldModel]:
    return {}


@pytest.fixture
def customer(gateway_server: Any) -> Customer:
    made: Customer = gateway_server.customer(credit="1000.00")
    return made


@pytest.fixture
def ask(gateway_server: Any, models: dict[int, SoldModel], customer: Customer) -> Any:
    """Ask row `row` for an answer that the upstream gives by `script`; (model, answer)."""

    def asked(row: int, script: Any, body: dict[str, Any]) -> tuple[SoldModel, httpx.Response]:
        if row not in models:
            models[row] = gateway_server.model(
                script, protocol=ROWS[row][1], context_tokens=1_000_000, max_output_tokens=128_000
            )
        model = models[row]
        model.on(script)
        with gateway_server.client(customer) as client:
            return model, client.post(PATHS[ROWS[row][0]], json={**body, "model": model.public_id})

    return asked


def plain(row: int, *, streams: bool) -> dict[str, Any]:
    """The smallest request of the row's client."""
    body: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}], "stream": streams}
    if ROWS[row][0] == "anthropic_messages":
        return {**body, "max_tokens": 4000}
    return {**body, "stream_options": {"include_usage": True}} if streams else body


@pytest.mark.parametrize("case", ANSWERS, ids=named)
def test_answers(case, ask, customer):
    folder, row = case
    sample = Sample(folder)
    model, answer = ask(row, sample.script(), plain(row, streams=sample.streams))
    COUNTS[f"row {row} answers"] += 1
    if sample.status != 200:
        return refused(sample, row, answer, customer)
    expected = sample.told()
    if expected.error and (answer.status_code != 200 or not sample.streams):
        assert answer.status_code >= 400
        assert "error" in answer.json()
        return customer.used_nothing(credit="1000.00")
    assert answer.status_code == 200, answer.text
    got = READ[ROWS[row][0], sample.streams](answer.content)
    assert got.models <= {model.public_id}
    assert not got.ended or expected.ended, "a forged end"
    if row in (1, 4):
        assert neutral(answer.content) == neutral(sample.body)
    if expected.error or not expected.ended:
        assert got.error
        return None
    if folder in SEVERAL:
        return None
    same(expected, got, row)
    return charged(expected, customer)


@pytest.mark.parametrize("case", STREAMS, ids=named)
def test_streams_cut_short_never_end_well(case, ask):
    folder, row = case
    sample = Sample(folder)
    if not sample.told().ended or folder in SEVERAL:
        return
    last = max(sample.body.rfind(b"data: [DONE]"), sample.body.rfind(b"message_stop"))
    for share in (0.2, 0.5, 0.8, 0.95):
        _, answer = ask(row, sample.script(body=sample.body[: int(last * share)]), plain(row, streams=True))
        COUNTS[f"row {row} cut"] += 1
        if answer.status_code == 200:
            # What came before the cut may end inside an event, which the error then follows.
            assert b"[DONE]" not in answer.content
            assert b"message_stop" not in answer.content
            assert b'"error"' in answer.content.split(b"\n\n")[-2]
        else:
            assert answer.status_code in (502, 503, 529, 429, 400)


@pytest.mark.parametrize("case", REQUESTS, ids=named)
def test_requests(case, ask):
    """Carried, or refused by the name of a field."""
    folder, row = case
    body = json.loads((folder / "request.json").read_bytes())
    if not isinstance(body, dict) or "messages" not in body:
        return
    client, upstream = ROWS[row]
    if client == "anthropic_messages":
        body.setdefault("max_tokens", 1000)
    body["stream"] = False
    model, answer = ask(row, whole(HELLO[upstream]), body)
    COUNTS[f"row {row} requests"] += 1
    if answer.status_code == 400:
        error = answer.json()["error"]
        message = error["message"]
        assert re.search(r"[a-z_]{2,}", message)
        COUNTS[f"row {row} requests refused: {message[:90]}"] += 1
        return
    assert answer.status_code == 200, answer.text
    sent = model.requests()[-1].json
    if row in (1, 4):
        ours = {"model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "service_tier"}
        assert {k: v for k, v in sent.items() if k not in ours} == {k: v for k, v in body.items() if k not in ours}


def neutral(body: bytes) -> bytes:
    """The bytes with every model's name made the same."""
    return MODEL.sub(b'"model":"M"', body)


def refused(sample: Sample, row: int, answer: httpx.Response, customer: Customer) -> None:
    """An error status: the client's shape, the status by the table, the pause kept."""
    ours = sample.status in (401, 402, 403, 404, 408)
    expected = 502 if ours or (sample.status >= 500 and sample.status != 529) else sample.status
    if expected == 529 and ROWS[row][0] == "openai_chat":
        expected = 503
    assert answer.status_code == expected
    error = answer.json()["error"]
    assert error["message"]
    assert (answer.json().get("type") == "error") is (ROWS[row][0] == "anthropic_messages")
    if "retry-after" in sample.meta["response_headers"]:
        assert answer.headers["retry-after"] == sample.meta["response_headers"]["retry-after"]
    customer.used_nothing(credit="1000.00")


def same(expected: Meaning, got: Meaning, row: int) -> None:
    """Text, thinking, calls, reason and tokens are what the upstream said."""
    assert got.text == expected.text
    assert got.tools == expected.tools
    assert (got.prompt or 0, got.output or 0) == (expected.prompt or got.prompt, expected.output or got.output)
    assert got.thinking == expected.thinking
    if row == 2:
        stop = FINISHES.get(expected.stop or "", "end_turn")
        stop = "tool_use" if expected.tools and stop == "end_turn" else stop
        assert got.stop == ("refusal" if expected.refused else stop)
    elif row == 3:
        assert got.stop == STOPS[expected.stop or "end_turn"]
    else:
        assert got.stop == expected.stop


def charged(expected: Meaning, customer: Customer) -> None:
    """Once, and exactly the tokens' price."""
    (record,) = customer.used()
    assert record.charge_nanos == price_of(record.usage)
    if expected.prompt is not None:
        assert (record.usage.prompt_tokens, record.usage.output_tokens) == (expected.prompt, expected.output)
    assert isinstance(record.usage, Usage)


HELLO: dict[str, dict[str, Any]] = {
    "openai_chat": {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11},
    },
    "anthropic_messages": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 1},
    },
}


@pytest.fixture(scope="module", autouse=True)
def counted():
    yield
    sys.stdout.write("\n" + "\n".join(f"{count:5}  {what}" for what, count in sorted(COUNTS.items())) + "\n")
