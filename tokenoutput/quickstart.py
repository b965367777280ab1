"""What a person needs to start: printed when everything is ready, and kept in `quickstart.json` in the data folder."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

NAME = "quickstart.json"


@dataclass(frozen=True, slots=True, repr=False)
class Quickstart:
    """The demo's addresses and secrets. `base_url` is the site's root; `model` is empty where none can be called."""

    base_url: str
    api_key: str
    email: str
    password: str
    organization: str
    admin_email: str
    admin_password: str
    model: str


def quickstart_load(data_dir: Path) -> Quickstart | None:
    """The last one written; None when there is none that can be read."""
    try:
        return Quickstart(**json.loads((data_dir / NAME).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def quickstart_save(data_dir: Path, quickstart: Quickstart) -> None:
    """Write it whole or not at all, readable by its owner only."""
    draft = data_dir / f"{NAME}.tmp"
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(asdict(quickstart), indent=2) + "\n")
    os.replace(draft, data_dir / NAME)


def quickstart_text(quickstart: Quickstart, data_dir: Path) -> str:
    """The same for a person, with commands to paste."""
    lines = [
        "",
        "TokenOutput is ready.",
        "",
        f"  Site     {quickstart.base_url}",
        f"  Log in   {quickstart.email}   password {quickstart.password}",
        f"  Admin    {quickstart.base_url}/admin/   {quickstart.admin_email}   password {quickstart.admin_password}",
        f"  API key  {quickstart.api_key}",
        "",
        *(_commands(quickstart) if quickstart.model else _WITHOUT_MODEL),
        "",
        f"The same is in {data_dir / NAME}. Ctrl-C stops everything.",
        "",
    ]
    return "\n".join(lines)


_WITHOUT_MODEL = [
    "No model can be called yet: the local model is not installed (requirements-local-model.txt).",
    "To add a provider, put its API key into the environment and load a catalog:",
    "",
    "  .venv/bin/python manage.py load_catalog docs/catalog.example.yaml",
]


def _commands(quickstart: Quickstart) -> list[str]:
    message = '"messages":[{"role":"user","content":"Say hello."}]'
    openai = f'{{"model":"{quickstart.model}",{message}'
    anthropic = f'{{"model":"{quickstart.model}","max_tokens":64,{message}'
    bearer = f"-H 'Authorization: Bearer {quickstart.api_key}'"
    key = f"-H 'x-api-key: {quickstart.api_key}' -H 'anthropic-version: 2023-06-01'"
    chat, messages = f"{quickstart.base_url}/v1/chat/completions", f"{quickstart.base_url}/v1/messages"
    streamed = ',"stream":true}'
    json_type = "-H 'content-type: application/json'"
    return [
        "OpenAI protocol, whole and streamed:",
        "",
        f"  curl {chat} {bearer} {json_type} -d '{openai}}}'",
        "",
        f"  curl -N {chat} {bearer} {json_type} -d '{openai}{streamed}'",
        "",
        "Anthropic protocol, whole and streamed:",
        "",
        f"  curl {messages} {key} {json_type} -d '{anthropic}}}'",
        "",
        f"  curl -N {messages} {key} {json_type} -d '{anthropic}{streamed}'",
    ]
