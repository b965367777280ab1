"""The code samples of the documentation: one file each, filled in with our base URL, a model and a key."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from catalog.docs.titles import TITLES

Speaks = Literal["openai", "anthropic", "embeddings"]
KEY_PLACEHOLDER = "sk-your-api-key"
_FOLDER = Path(__file__).parent / "snippets"
# What a tab is called, by the language or program that the file is for.
_LABELS = {"bash": "curl", "python": "Python", "javascript": "Node.js", "powershell": "PowerShell"}
_SPEAKING: Mapping[str, Speaks] = {
    "messages": "anthropic",
    "anthropic": "anthropic",
    "claude": "anthropic",
    "count": "anthropic",
    "embeddings": "embeddings",
}


@dataclass(frozen=True, slots=True)
class Snippet:
    """`code` is what a reader copies and runs; `speaks` says what kind of model it calls, `label` names its tab."""

    id: str
    title: str
    language: str
    code: str
    label: str = ""
    speaks: Speaks = "openai"


def snippets(*, base_url: str, model: str, key: str = KEY_PLACEHOLDER) -> dict[str, Snippet]:
    """Every sample by id, in the order of the documentation.

    `base_url` is the site's own, without a path: OpenAI's SDKs are given it with `/v1`, Anthropic's and Claude Code
    without, as each adds what is missing.
    """
    base_url = base_url.rstrip("/").removesuffix("/v1")
    values = {"base_url": base_url, "openai_base_url": f"{base_url}/v1", "model": model, "key": key}
    return {snippet.id: _filled(snippet, values) for snippet in _TEMPLATES}


def _filled(snippet: Snippet, values: Mapping[str, str]) -> Snippet:
    code = snippet.code
    for name, value in values.items():
        code = code.replace(f"{{{{ {name} }}}}", value)
    return replace(snippet, code=code)


def _template(file_name: str, title: str) -> Snippet:
    snippet_id, _, language = file_name.partition(".")
    code = (_FOLDER / file_name).read_text(encoding="utf-8").rstrip("\n")
    speaking: list[Speaks] = [_SPEAKING[word] for word in snippet_id.split("_") if word in _SPEAKING]
    label = "Shell" if snippet_id == "claude_shell" else _LABELS.get(language, title.partition(",")[0])
    return Snippet(
        id=snippet_id,
        title=title,
        language=language,
        code=code,
        label=label,
        speaks=speaking[0] if speaking else "openai",
    )


_TEMPLATES = tuple(_template(file_name, title) for file_name, title in TITLES.items())
