"""The samples of the documentation are filled in; tests/clients runs them."""

import json
import tomllib
from pathlib import Path

import pytest

from catalog.docs import registry
from catalog.docs.registry import snippets
from catalog.docs.titles import TITLES

SAMPLES = Path(registry.__file__).parent / "snippets"
# The catalog is public, an app has no key yet, and the others name a variable or are given theirs by a program.
KEYLESS = {"curl_models", "codex", "curl_manage", "python_manage", "python_webhook", "python_connect", "curl_connect"}
KEY, MODEL = "sk-a-key-of-the-reader", "acme/small-1"


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


@pytest.mark.parametrize("site_url", ["https://t.example", "https://t.example/", "https://t.example/v1"])
def test_every_sample_is_filled_in(site_url):
    samples = snippets(base_url=site_url, model=MODEL)
    assert [f"{name}.{sample.language}" for name, sample in samples.items()] == list(TITLES)
    assert {path.name for path in SAMPLES.iterdir()} == set(TITLES)
    for sample in samples.values():
        assert "{{" not in sample.code
        assert "/v1/v1" not in sample.code
        assert (
            MODEL in sample.code
            or sample.id.endswith(("_models", "_webhook", "_connect"))
            or sample.id == "python_manage"
        )
        assert "https://t.example" in sample.code or sample.id == "python_webhook"
        assert "sk-your-api-key" in sample.code or sample.id in KEYLESS
        assert sample.title
