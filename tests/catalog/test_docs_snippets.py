"""The samples of the documentation do what a reader copies them for: each is run, against a server of our own."""

import json
import os
import shutil
import subprocess
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from catalog.docs import registry
from catalog.docs.registry import snippets
from catalog.docs.titles import TITLES

SAMPLES = Path(registry.__file__).parent / "snippets"
# The catalog is public, Codex names a variable, and a webhook's secret is given by its program.
KEYLESS = {"curl_models", "codex", "python_webhook"}
KEY, MODEL = "sk-a-key-of-the-reader", "acme/small-1"
CHAT = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": MODEL,
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi, reader."}}],
}
MESSAGE = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "model": MODEL,
    "content": [{"type": "text", "text": "Hi, reader."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
ANSWERS = {"/v1/chat/completions": CHAT, "/v1/messages": MESSAGE}


class _Server(ThreadingHTTPServer):
    calls: list[tuple[str, dict[str, str], dict[str, object]]]


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.calls.append((self.path, headers, body))
        answer = json.dumps(ANSWERS.get(self.path, {})).encode()
        self.send_response(200 if self.path in ANSWERS else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format, *args):  # The test reads `calls`.
        return


@pytest.fixture
def site():
    server = _Server(("127.0.0.1", 0), _Handler)
    server.calls = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def run(site, snippet_id, command, *, home):
    base_url = f"http://127.0.0.1:{site.server_port}"
    code = snippets(base_url=base_url, model=MODEL, key=KEY)[snippet_id].code
    # A reader's shell without settings of other SDKs: they would win over the sample's own.
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
    done = subprocess.run([*command, code], capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "Hi, reader." in done.stdout
    ((path, headers, body),) = site.calls
    assert body["model"] == MODEL
    return path, headers, body


BASH = ["bash", "-euc"]
PYTHON = [sys.executable, "-c"]


@pytest.mark.parametrize(
    ("snippet_id", "command", "path", "key_header", "key_value"),
    [
        ("curl_chat", BASH, "/v1/chat/completions", "authorization", f"Bearer {KEY}"),
        ("curl_stream", BASH, "/v1/chat/completions", "authorization", f"Bearer {KEY}"),
        ("python_openai", PYTHON, "/v1/chat/completions", "authorization", f"Bearer {KEY}"),
        ("curl_messages", BASH, "/v1/messages", "x-api-key", KEY),
        # The present SDK sends its key as a bearer, older ones as x-api-key; we take both.
        ("python_anthropic", PYTHON, "/v1/messages", "authorization", f"Bearer {KEY}"),
    ],
)
def test_a_sample_calls_us_with_the_readers_key(site, snippet_id, command, path, key_header, key_value, tmp_path):
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    called, headers, body = run(site, snippet_id, command, home=tmp_path)
    assert called == path
    assert headers[key_header] == key_value
    assert body.get("stream", False) == (snippet_id == "curl_stream")
    if path == "/v1/messages":
        assert headers["anthropic-version"]  # SDKs send the version they were made for.
        assert body["max_tokens"] == 256


def test_claude_code_is_given_the_base_url_without_version_and_no_other_key():
    settings = json.loads(snippets(base_url="https://t.example/", model=MODEL, key=KEY)["claude_code"].code)
    assert settings == {
        "env": {
            "ANTHROPIC_BASE_URL": "https://t.example",
            "ANTHROPIC_AUTH_TOKEN": KEY,
            "ANTHROPIC_API_KEY": "",
            "ANTHROPIC_MODEL": MODEL,
        }
    }


def test_codex_is_given_the_base_url_with_version_and_the_protocol_it_speaks():
    config = tomllib.loads(snippets(base_url="https://t.example/", model=MODEL, key=KEY)["codex"].code)
    assert config == {
        "model": MODEL,
        "model_provider": "tokenoutput",
        "model_providers": {
            "tokenoutput": {
                "name": "TokenOutput",
                "base_url": "https://t.example/v1",
                "env_key": "TOKENOUTPUT_API_KEY",
                "wire_api": "responses",
            }
        },
    }


def test_node_is_valid_and_given_the_base_url_with_version(tmp_path):
    code = snippets(base_url="https://t.example", model=MODEL)["node_openai"].code
    assert "baseURL: 'https://t.example/v1'," in code
    assert "apiKey: 'sk-your-api-key'," in code
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    file = tmp_path / "sample.mjs"
    file.write_text(code)
    subprocess.run([node, "--check", str(file)], check=True, timeout=60)


@pytest.mark.parametrize("site_url", ["https://t.example", "https://t.example/", "https://t.example/v1"])
def test_every_sample_is_filled_in(site_url):
    samples = snippets(base_url=site_url, model=MODEL)
    assert [f"{name}.{sample.language}" for name, sample in samples.items()] == list(TITLES)
    assert {path.name for path in SAMPLES.iterdir()} == set(TITLES)
    for sample in samples.values():
        assert "{{" not in sample.code
        assert "/v1/v1" not in sample.code
        assert MODEL in sample.code or sample.id.endswith(("_models", "_webhook"))
        assert "https://t.example" in sample.code or sample.id == "python_webhook"
        assert "sk-your-api-key" in sample.code or sample.id in KEYLESS
        assert sample.title
