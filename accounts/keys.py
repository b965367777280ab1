"""Keys as text, API and management: make one, check its form without a database, hash it."""

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass, field

START = "sk-"
MANAGEMENT_START = "sk-mgmt-"
PREFIX_LENGTH = 8
MANAGEMENT_PREFIX_LENGTH = 13
LAST_FOUR_LENGTH = 4
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_BYTES = 32
_BODY_LENGTH = 43  # the fewest base62 digits that hold 256 bits
_CHECKSUM_LENGTH = 6  # and 32 bits
_FORM = re.compile(f"({START}|{MANAGEMENT_START})[0-9A-Za-z]{{{_BODY_LENGTH + _CHECKSUM_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A key as made: the secret is shown once, the rest is kept."""

    secret: str = field(repr=False)
    key_hash: bytes
    prefix: str
    last_four: str


def key_make() -> NewSecret:
    """A new API key of 256 random bits."""
    return _make(START, PREFIX_LENGTH)


def management_key_make() -> NewSecret:
    """A new management key of as many bits; no text is both kinds of key."""
    return _make(MANAGEMENT_START, MANAGEMENT_PREFIX_LENGTH)


def key_hash(text: str) -> bytes | None:
    """The hash to look an API key up by; `None` if `text` cannot be one: wrong form or checksum. Never raises."""
    return _hash(text, START)


def management_key_hash(text: str) -> bytes | None:
    """The same of a management key."""
    return _hash(text, MANAGEMENT_START)


def _make(start: str, prefix_length: int) -> NewSecret:
    body = start + _base62(int.from_bytes(secrets.token_bytes(_RANDOM_BYTES)), _BODY_LENGTH)
    secret = body + _checksum(body)
    return NewSecret(secret, _digest(secret), secret[:prefix_length], secret[-LAST_FOUR_LENGTH:])


def _hash(text: str, start: str) -> bytes | None:
    found = _FORM.fullmatch(text)
    if found is None or found[1] != start or _checksum(text[:-_CHECKSUM_LENGTH]) != text[-_CHECKSUM_LENGTH:]:
        return None
    return _digest(text)


def _digest(secret: str) -> bytes:
    # 256 random bits need no slow hash: there is nothing to guess.
    return hashlib.sha256(secret.encode("ascii")).digest()


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode("ascii")), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    """`number` in exactly `length` digits, leading zeros kept."""
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
