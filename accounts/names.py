"""Names people type, and what is made of them: clean text, slugs, one identity per mailbox."""

import hashlib
import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.text import slugify

NAME_LENGTH_MAX = 80
SLUG_LENGTH_MAX = 48
# Joiners shape letters and emoji; every other invisible character only serves to deceive.
_JOINERS = "\u200c\u200d"
# Words that pages may want under /app/.
_SLUGS_RESERVED = frozenset({"new", "account", "settings", "admin", "api", "static", "invitations"})
_GMAIL = frozenset({"gmail.com", "googlemail.com"})


def name_clean(name: str, *, what: str) -> str:
    """`name` without control characters and doubled spaces; `ValidationError` when empty or too long."""
    if len(name) > 10 * NAME_LENGTH_MAX:
        raise _too_long(what)
    spaced = " ".join(unicodedata.normalize("NFC", name).split())
    cleaned = "".join(c for c in spaced if c in _JOINERS or unicodedata.category(c)[0] != "C").strip()
    if not cleaned.strip(_JOINERS):
        raise ValidationError(f"Give the {what} a name.", code="empty")
    if len(cleaned) > NAME_LENGTH_MAX:
        raise _too_long(what)
    return cleaned


def _too_long(what: str) -> ValidationError:
    return ValidationError(f"The {what}'s name may have {NAME_LENGTH_MAX} characters at most.", code="too_long")


def slug_make(name: str, *, suffix: str = "") -> str:
    """A slug for `name`, ending in `-suffix` if there is one."""
    base = slugify(name).replace("_", "-")
    base = re.sub("-{2,}", "-", base)[: SLUG_LENGTH_MAX - 8].strip("-") or "organization"
    if base in _SLUGS_RESERVED:
        base = f"{base}-organization"
    return f"{base}-{suffix}" if suffix else base


def identity_hash(email: str) -> bytes:
    """SHA-256 of the mailbox behind `email`: case, +tag and Gmail's dots make no other person."""
    local, _, domain = unicodedata.normalize("NFKC", email).strip().casefold().rpartition("@")
    local = local.split("+", 1)[0] or local
    if domain in _GMAIL:
        local, domain = local.replace(".", "") or local, "gmail.com"
    return hashlib.sha256(f"{local}@{domain}".encode()).digest()
