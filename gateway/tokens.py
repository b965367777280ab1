"""How many tokens an Anthropic request has, as far as can be said without its model's own tokenizer. Pure."""

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from gateway.image_size import image_size
from gateway.wire.body import BodyInvalid, value_decode

# What stands around a message, a call and a tool in the templates that we know of, in tokens.
MESSAGE_TOKENS: Final = 5
BLOCK_TOKENS: Final = 8
TOOLS_TOKENS: Final = 500  # Told once where there are tools; Claude Code takes as many off again.
IMAGE_TOKENS_MAX: Final = 1_600  # Also for an image whose size cannot be seen, such as one behind a URL.
IMAGE_EDGE_PIXELS: Final = 1_568
PIXELS_PER_TOKEN: Final = 750
PAGE_TOKENS: Final = 3_000  # A page of a PDF is read as text and as an image.
PAGES_MAX: Final = 600
PAGE_BYTES: Final = 100_000  # Where a PDF hides its pages: as many as its size suggests.
CHARACTERS_PER_SEALED_TOKEN: Final = 6  # Of thinking that is sealed: base64 of some four characters a token.

_PAGE: Final = re.compile(rb"/Type\s*/Page(?![\w])")
_PAGES: Final = re.compile(rb"/Count\s+(\d{1,6})")
_NO_TEXT: Final = frozenset(
    ("type", "id", "tool_use_id", "cache_control", "signature", "encrypted_content", "citations")
)


@dataclass(slots=True)
class Prompt:
    """What there is to count: texts for a tokenizer, and tokens that need none."""

    texts: list[str] = field(default_factory=list)
    tokens: int = 0

    def add(self, *texts: object, tokens: int = 0) -> None:
        """Take some more; what is no text and not empty counts as the JSON that a model would be shown."""
        self.tokens += tokens
        self.texts += [text if isinstance(text, str) else _json(text) for text in texts if text]


def prompt_read(members: Mapping[str, msgspec.Raw]) -> Prompt:
    """Everything of a request that a model reads. `BodyInvalid` where a message has no content to read."""
    prompt = Prompt(tokens=MESSAGE_TOKENS)  # For the answer's own start.
    said = {
        name: value_decode(members[name])
        for name in ("system", "messages", "tools", "output_config")
        if name in members
    }
    if said.get("system"):
        prompt.add(tokens=MESSAGE_TOKENS)
        _content(prompt, said["system"], "system")
    messages = said["messages"]
    thinks_from = _last_turn(messages)
    for at, message in enumerate(messages):
        prompt.add(tokens=MESSAGE_TOKENS)
        _content(prompt, message.get("content"), f"messages.{at}.content", thinks=at >= thinks_from)
    for tool in said.get("tools") or ():
        prompt.add(tool.get("name"), tool.get("description"), tool.get("input_schema"), tokens=BLOCK_TOKENS)
    prompt.tokens += TOOLS_TOKENS if said.get("tools") else 0
    output = said.get("output_config")
    prompt.add(output.get("format") if isinstance(output, dict) else None)
    return prompt


def _content(prompt: Prompt, content: object, where: str, *, thinks: bool = True) -> None:
    if isinstance(content, str):
        return prompt.add(content)
    if not isinstance(content, list):
        raise BodyInvalid(f"{where} must be a string or a list of blocks.", where)
    for at, block in enumerate(content):
        if not isinstance(block, dict):
            raise BodyInvalid(f"{where}.{at} must be an object.", where)
        _block(prompt, block, f"{where}.{at}", thinks=thinks)
    return None


def _block(prompt: Prompt, block: dict[str, Any], where: str, *, thinks: bool) -> None:
    match block:
        case {"type": "text", "text": str(text)}:
            prompt.add(text)
        case {"type": "thinking" | "redacted_thinking"}:
            # Of earlier turns it is not shown to the model again.
            sealed = block.get("data")
            hidden = len(sealed) // CHARACTERS_PER_SEALED_TOKEN if isinstance(sealed, str) else 0
            prompt.add(*[block.get("thinking")] if thinks else [], tokens=hidden if thinks else 0)
        case {"type": "tool_use", "name": name}:
            prompt.add(name, block.get("input"), tokens=BLOCK_TOKENS)
        case {"type": "tool_result"}:
            prompt.add(tokens=BLOCK_TOKENS)
            if block.get("content"):
                _content(prompt, block["content"], f"{where}.content")
        case {"type": "image", "source": dict(source)}:
            prompt.add(tokens=_image_tokens(source))
        case {"type": "document", "source": dict(source)}:
            prompt.add(block.get("title"), block.get("context"), tokens=BLOCK_TOKENS)
            _document(prompt, source, f"{where}.source")
        case _:
            prompt.add({name: value for name, value in block.items() if name not in _NO_TEXT})


def _document(prompt: Prompt, source: dict[str, Any], where: str) -> None:
    match source:
        case {"type": "text", "data": str(text)}:
            prompt.add(text)
        case {"type": "content", "content": content}:
            _content(prompt, content, f"{where}.content")
        case {"type": "base64", "data": str(data)}:
            prompt.add(tokens=PAGE_TOKENS * _pages(data))
        case _:
            prompt.add(tokens=PAGE_TOKENS)


def _image_tokens(source: dict[str, Any]) -> int:
    """Anthropic's published rule: pixels over 750, after the long edge is brought to 1,568; some 1,600 at most."""
    data = source.get("data")
    size = image_size(data) if isinstance(data, str) else None
    if size is None:
        return IMAGE_TOKENS_MAX
    width, height = size
    scale = min(1.0, IMAGE_EDGE_PIXELS / max(width, height))
    return max(1, min(IMAGE_TOKENS_MAX, int(width * scale * height * scale / PIXELS_PER_TOKEN)))


def _pages(data: str) -> int:
    try:
        pdf = b64decode(data)
    except (Error, ValueError):
        return 1
    pages = len(_PAGE.findall(pdf)) or max(map(int, _PAGES.findall(pdf)), default=0) or len(pdf) // PAGE_BYTES
    return max(1, min(pages, PAGES_MAX))


def _last_turn(messages: list[dict[str, Any]]) -> int:
    """Where the turn that is going on began: behind the last message that holds more than results of tools."""
    for at in range(len(messages) - 1, -1, -1):
        content = messages[at].get("content")
        blocks = content if isinstance(content, list) else [content]
        results = all(isinstance(block, dict) and block.get("type") == "tool_result" for block in blocks)
        if messages[at].get("role") == "user" and not results:
            return at
    return 0


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
