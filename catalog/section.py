"""One mapping of a document, read key by key: faults are collected with their path, unknown keys are faults too."""

import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from catalog.money import NANOS_PER_USD, nanos_to_usd, usd_to_nanos
from catalog.pricing import RATE_NANOS_MAX

REQUIRED: Any = object()
_SHOWN_MAX = 60


class CatalogInvalid(Exception):
    """The document was refused and nothing was written; `errors` has one line per fault."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


class Section:
    """After a fault a reading goes on with a harmless value, so that one run shows every fault."""

    def __init__(self, value: object, *, path: str, errors: list[str]) -> None:
        self.path = path
        self.errors = errors
        self._read: set[str] = set()
        self._values: Mapping[Any, Any] = value if isinstance(value, Mapping) else {}
        if not isinstance(value, Mapping):
            self.fault("", "must be a mapping of keys to values")
            self._broken = True
        else:
            self._broken = False

    def has(self, key: str) -> bool:
        return self._values.get(key) is not None

    def fault(self, key: str, message: str) -> None:
        where = ".".join(part for part in (self.path, key) if part) or "document"
        self.errors.append(f"{where}: {message}")

    def close(self) -> None:
        """Call last: keys that nobody asked for are faults."""
        for key in self._values:
            if key not in self._read:
                self.fault(str(key)[:_SHOWN_MAX], "unknown key")

    def section(self, key: str) -> "Section | None":
        value = self._take(key, None)
        return None if value is None else Section(value, path=self._path(key), errors=self.errors)

    def sections(self, key: str) -> list["Section"]:
        value = self._take(key, [])
        if not isinstance(value, list):
            self.fault(key, "must be a list")
            return []
        return [
            Section(item, path=f"{self._path(key)}[{index}]", errors=self.errors) for index, item in enumerate(value)
        ]

    def text(
        self,
        key: str,
        *,
        default: Any = REQUIRED,
        length_max: int = 200,
        pattern: str = "",
        hint: str = "",
        folded: bool = False,
    ) -> Any:
        """`folded`: line breaks become spaces. The value itself is never part of a fault: it may be a key."""
        value = self._take(key, default)
        if not self.has(key):
            return "" if default is REQUIRED else default
        if not isinstance(value, str):
            self.fault(key, "must be text (in quotes, if it looks like something else)")
            return ""
        text = " ".join(value.split()) if folded else value.strip()
        if default is REQUIRED and not text:
            self.fault(key, "must not be empty")
        elif not text.isprintable():
            self.fault(key, "must not hold control characters")
        elif len(text) > length_max:
            self.fault(key, f"must be at most {length_max} characters")
        elif pattern and not re.search(pattern.replace("$", r"\Z"), text):
            self.fault(key, f"must be {hint}")
        else:
            return text
        return ""

    def whole(self, key: str, *, minimum: int, maximum: int, default: Any = REQUIRED) -> int:
        """0 after a fault."""
        value = self._take(key, default)
        if value is REQUIRED:
            return 0
        if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
            self.fault(key, f"must be a whole number from {minimum} to {maximum}")
            return 0
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        value = self._take(key, default)
        if not isinstance(value, bool):
            self.fault(key, "must be true or false")
            return default
        return value

    def choice(self, key: str, choices: Collection[str], *, default: Any = REQUIRED) -> str:
        value = self._take(key, default)
        if value is REQUIRED:
            return ""
        if not isinstance(value, str) or value not in choices:
            self.fault(key, f"must be one of {', '.join(filter(None, choices))}")
            return ""
        return value

    def choices(self, key: str, known: Collection[str]) -> list[str]:
        """A list of known words, each once."""
        value = self._take(key, [])
        words: list[Any] = value if isinstance(value, list) else [None]
        if any(not isinstance(word, str) or word not in known for word in words) or len(set(words)) < len(words):
            self.fault(key, f"must be a list of {', '.join(known)}, each once")
            return []
        return words

    def usd(self, key: str, *, default: Any = REQUIRED) -> int:
        """Nano-dollars of a decimal dollar amount per million tokens, not negative."""
        value = self._take(key, default)
        if not self.has(key):
            return 1 if default is REQUIRED else int(default)
        try:
            nanos = usd_to_nanos(_decimal_text(value))
        except ValueError as error:
            self.fault(key, str(error))
            return 1
        if nanos < 0:
            self.fault(key, "must not be negative")
        elif nanos > RATE_NANOS_MAX:
            self.fault(key, f"must be at most {nanos_to_usd(RATE_NANOS_MAX)} dollars per million tokens")
        else:
            return nanos
        return 1

    def seconds(self, key: str, *, maximum: int) -> Decimal | None:
        value = self._take(key, None)
        if value is None:
            return None
        try:
            # Thousandths of a second, by the same exact reading as money.
            seconds = Decimal(usd_to_nanos(_decimal_text(value))) / NANOS_PER_USD
        except ValueError:
            seconds = Decimal(0)
        if not 0 < seconds <= maximum or seconds != round(seconds, 3):
            self.fault(key, f"must be seconds above 0, at most {maximum}, with at most three decimal places")
            return None
        return seconds

    def _take(self, key: str, default: Any) -> Any:
        self._read.add(key)
        value = self._values.get(key)
        if value is not None:
            return value
        if default is REQUIRED and not self._broken:
            self.fault(key, "is missing")
        return default

    def _path(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key


def _decimal_text(value: object) -> str:
    """A number as it was written. A float is read as the shortest text that means it, never by its binary value."""
    match value:
        case str():
            return value.strip()
        case bool():
            raise ValueError("must be an amount of dollars")
        case int():
            return str(value) if abs(value) < RATE_NANOS_MAX else "too large"
        case float():
            decimal = Decimal(repr(value))
            return f"{decimal:f}" if decimal.is_finite() else str(decimal)
        case Decimal():
            return f"{value:f}" if value.is_finite() and abs(value.adjusted()) < 40 else str(value)
        case _:
            raise ValueError("must be an amount of dollars")
