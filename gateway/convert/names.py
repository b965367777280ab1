"""Names and ids in a form that the other protocol takes, and back. Pure."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from hashlib import sha256
from typing import Final

NAME_CHARACTERS_MAX: Final = 64  # OpenAI's limit; Anthropic takes 128.
OPENAI_ID_CHARACTERS_MAX: Final = 40
USER_CHARACTERS_MAX: Final = 64
# An id that Anthropic would refuse, readable for us when it comes back.
ENCODED: Final = "toolu_enc_"

_NAME: Final = re.compile(rf"[a-zA-Z0-9_-]{{1,{NAME_CHARACTERS_MAX}}}")
_ID: Final = re.compile(r"[a-zA-Z0-9_-]+")
_FOREIGN: Final = re.compile(r"[^a-zA-Z0-9_-]")
_PERSONAL: Final = re.compile(r"@|\+?\d[\d\s().-]{6,}")


class ToolNames:
    """The names of one request's tools: one that is too long, or has other letters, gets another until the answer."""

    def __init__(self) -> None:
        self._back: dict[str, str] = {}

    def there(self, name: str) -> str:
        """The name to send; the same one for the same name."""
        if _NAME.fullmatch(name):
            return name
        short = f"{_FOREIGN.sub('_', name)[: NAME_CHARACTERS_MAX - 9]}_{_digest(name)[:8]}"
        self._back[short] = name
        return short

    def back(self, name: str) -> str:
        """The client's own name."""
        return self._back.get(name, name)


def id_to_anthropic(text: str) -> str:
    """A call's id with letters that Anthropic takes."""
    if _ID.fullmatch(text) and not text.startswith(ENCODED):
        return text
    return ENCODED + urlsafe_b64encode(text.encode(errors="surrogatepass")).decode().rstrip("=")


def id_to_openai(text: str) -> str:
    """A call's id as the upstream gave it once, or shortened to what OpenAI takes."""
    if text.startswith(ENCODED):
        encoded = text.removeprefix(ENCODED)
        try:
            return urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
        except (Error, ValueError):
            pass  # Not one of ours after all.
    return text if len(text) <= OPENAI_ID_CHARACTERS_MAX else f"call_{_digest(text)[:32]}"


def id_made(*parts: object) -> str:
    """An id for a call that came without one; different for every answer and place."""
    return f"toolu_{_digest(repr(parts))[:24]}"


def user_of(text: str) -> str:
    """A client's name for its user: as it is where it is short and no address or number of a person, else its hash."""
    return text if len(text) <= USER_CHARACTERS_MAX and not _PERSONAL.search(text) else _digest(text)


def _digest(text: str) -> str:
    return sha256(text.encode(errors="surrogatepass")).hexdigest()
