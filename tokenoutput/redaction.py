"""Takes secrets out of text by their shape: pure, and the last thing done to every log line."""

import re

_MASK = "[redacted]"
# Without any of these no secret below can match: most lines have none, and looking for words is what costs least.
_HINTS = (
    "bearer", "basic", "key", "password", "secret", "sk-", "sk_", "rk-", "rk_", "pk-", "pk_", "whsec_", "eyj", "://",
    "/accounts/", "/invite/", "/alerts/confirm/", "/alerts/stop/",
)  # fmt: skip
_SECRETS = re.compile(
    r"""
      \b(?P<scheme>(?:bearer|basic)\s+)[^\s"',;\\]+            # Authorization, whatever the credential looks like
    | (?P<header>\b(?:x-api-key|api[-_]?key|password|secret)["']?\s*[:=]\s*["']?)[^\s"',;&\\}]+
    | \b(?:sk|rk|pk)[-_][A-Za-z0-9_\-]{6,}                      # API keys: ours, providers', Stripe's
    | \bwhsec_[A-Za-z0-9+/=_\-]+                                # webhook secrets
    | \beyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*    # JSON web tokens
    | (?P<url>\b[a-z][a-z0-9+.\-]*://[^\s/:@"']*:)[^\s/@"']+(?=@)  # the password of a database or broker URL
    | (?P<link>/(?:accounts/(?:password/reset/key|confirm-email)|invite|alerts/(?:confirm|stop))/)[^\s/"']+  # of mails
    """,
    re.VERBOSE | re.IGNORECASE,
)
# A card's number: 14 to 19 digits, alone or in groups, that start as cards do.
_CARD = re.compile(r"(?<![\w.\-])[2-6](?:[ -]?\d){13,18}(?![\w.\-])")


def redact(text: str) -> str:
    """`text` with what looks like a credential or a card's number replaced."""
    lowered = text.lower()
    if any(hint in lowered for hint in _HINTS):
        text = _SECRETS.sub(lambda found: f"{_kept(found)}{_MASK}", text)
    return _CARD.sub(lambda found: _MASK if _luhn_holds(found.group()) else found.group(), text)


def _kept(found: re.Match[str]) -> str:
    return next((part for part in found.groupdict().values() if part), "")


def _luhn_holds(text: str) -> bool:
    """Whether the check digit is right: most other long numbers (ids, nano-dollars) stay readable."""
    digits = [int(character) for character in reversed(text) if character.isdigit()]
    return sum(digit * 2 - 9 * (digit > 4) if place % 2 else digit for place, digit in enumerate(digits)) % 10 == 0
