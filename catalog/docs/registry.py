"""The code samples of the documentation: one file each, filled in with our base URL, a model and a key."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

KEY_PLACEHOLDER = "sk-your-api-key"
_FOLDER = Path(__file__).parent / "snippets"
# The file's ending is the language, as syntax highlighters call it.
_TITLES = {
    "curl_chat.bash": "curl",
    "curl_stream.bash": "curl, streaming",
    "python_openai.python": "Python, OpenAI SDK",
    "node_openai.javascript": "Node.js, OpenAI SDK",
    "curl_messages.bash": "curl, Anthropic Messages",
    "python_anthropic.python": "Python, Anthropic SDK",
    "claude_code.json": "Claude Code, ~/.claude/settings.json",
    "codex.toml": "Codex, ~/.codex/config.toml",
}


@dataclass(frozen=True, slots=True)
class Snippet:
    """`code` is what a reader copies and runs."""

    id: str
    title: str
    language: str
    code: str


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
    return Snippet(id=snippet.id, title=snippet.title, language=snippet.language, code=code)


def _template(file_name: str, title: str) -> Snippet:
    snippet_id, _, language = file_name.partition(".")
    code = (_FOLDER / file_name).read_text(encoding="utf-8").rstrip("\n")
    return Snippet(id=snippet_id, title=title, language=language, code=code)


_TEMPLATES = tuple(_template(file_name, title) for file_name, title in _TITLES.items())
