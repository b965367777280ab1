"""A real model behind the gateway: SmolLM2 by llama.cpp, which speaks both protocols, asked by both SDKs."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import anthropic
import httpx
import openai
import pytest

from catalog.pricing import Usage
from catalog.services import catalog_load
from tests import prerequisites
from tests.gateway.platform import PRICE, GatewayServer, price_of, wait_until

PROMPT: Any = [{"role": "user", "content": "Say hello to the plums."}]
TOKENS_MAX = 12


@pytest.fixture(scope="module")
def local_model() -> Iterator[str]:
    """The address of the model's server."""
    prerequisites.local_model()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "tokenoutput.local_model", "--port", str(port)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: process.poll() is None and _healthy(port), "the model answers")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def _healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
    except httpx.TransportError:
        return False


def sell(gateway_server: GatewayServer, origin: str, protocol: str) -> str:
    """A model of the catalog whose provider is the local server by this protocol; its public id."""
    unique = f"{protocol.partition('_')[0]}-{uuid4().hex[:8]}"
    base_url = f"{origin}/v1" if protocol == "openai_chat" else origin
    provider = {"slug": f"local-{unique}", "base_url": base_url, "protocol": protocol, "api_key": "unused"}
    model = {
        "id": f"smol-{unique}",
        "context_tokens": 8192,
        "max_output_tokens": 4096,
        "price": PRICE,
        "routes": [{"provider": provider["slug"], "upstream_model": "smollm2"}],
    }
    catalog_load({"providers": [provider], "models": [model]}, environment={})
    wait_until(lambda: gateway_server.sells(str(model["id"])), "the model for sale")
    return str(model["id"])


def by_openai(client: openai.OpenAI, model: str) -> Iterator[tuple[str, str, Usage]]:
    """Model, text and usage of a whole and of a streamed answer."""
    common: Any = {"model": model, "messages": PROMPT, "max_tokens": TOKENS_MAX, "temperature": 0}
    whole = client.chat.completions.create(**common)
    yield whole.model, whole.choices[0].message.content, _openai_usage(whole)
    chunks = list(client.chat.completions.create(**common, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    yield chunks[-1].model, text, _openai_usage(chunks[-1])


def _openai_usage(answer: Any) -> Usage:
    details = answer.usage.prompt_tokens_details
    cached = (details and details.cached_tokens) or 0
    return Usage(
        input_tokens=answer.usage.prompt_tokens - cached,
        cache_read_tokens=cached,
        output_tokens=answer.usage.completion_tokens,
    )


def by_anthropic(client: anthropic.Anthropic, model: str) -> Iterator[tuple[str, str, Usage]]:
    """The same; without a temperature, which the newest version of the API refuses."""
    common: Any = {"model": model, "messages": PROMPT, "max_tokens": TOKENS_MAX}
    whole = client.messages.create(**common)
    with client.messages.stream(**common) as stream:
        final = stream.get_final_message()
    for answer in (whole, final):
        blocks: Any = answer.content
        usage = Usage(
            input_tokens=answer.usage.input_tokens,
            cache_read_tokens=answer.usage.cache_read_input_tokens or 0,
            output_tokens=answer.usage.output_tokens,
        )
        yield answer.model, blocks[0].text, usage


def test_a_real_model_answers_in_all_four_rows(gateway_server, customer, local_model):
    counted = httpx.post(f"{local_model}/v1/messages/count_tokens", json={"model": "smollm2", "messages": PROMPT})
    prompt_tokens = counted.json()["input_tokens"]
    common: Any = {"api_key": customer.key, "max_retries": 0}
    answers = []
    with (
        openai.OpenAI(base_url=f"{gateway_server.url}/v1", **common) as by_chat,
        anthropic.Anthropic(base_url=gateway_server.url, **common) as by_messages,
    ):
        for protocol in ("openai_chat", "anthropic_messages"):
            model = sell(gateway_server, local_model, protocol)
            for named, text, usage in (*by_openai(by_chat, model), *by_anthropic(by_messages, model)):
                assert (named, bool(text.strip())) == (model, True)
                assert usage.input_tokens + usage.cache_read_tokens == prompt_tokens
                assert 1 <= usage.output_tokens <= TOKENS_MAX
                answers.append(usage)
            told = by_messages.messages.count_tokens(model=model, messages=PROMPT).input_tokens
            assert told == prompt_tokens if protocol == "anthropic_messages" else told > 0
    rows = customer.used(requests=8)
    assert sorted(row.charge_nanos for row in rows) == sorted(price_of(usage) for usage in answers)
    assert {(row.client_protocol, row.upstream_protocol) for row in rows} == {
        (client, upstream)
        for client in ("openai_chat", "anthropic_messages")
        for upstream in ("openai_chat", "anthropic_messages")
    }
