"""Which models a visitor asked for, and in which order: pure, the same for HTML, JSON, Markdown and the feed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from catalog.selectors import CatalogRow

Number = Callable[[CatalogRow], Decimal | int | None]


def _is_embedding(row: CatalogRow) -> bool:
    return "embeddings" in row.capabilities


def row_protocols(row: CatalogRow) -> tuple[str, ...]:
    """What a client may speak to this model: the two dialects, and the endpoints that stand on them."""
    if _is_embedding(row):
        return ("openai_embeddings",)
    spoken = [name for name in ("openai_chat", "anthropic_messages") if name in row.protocols]
    return (*spoken[:1], "openai_responses", *spoken[1:]) if "openai_chat" in spoken else ("openai_responses", *spoken)


# What has no such number (an embedding has no output) gives None, and goes last whichever way the order runs.
NUMBERS: dict[str, Number] = {
    "context": lambda row: row.context_tokens,
    "max_output": lambda row: None if _is_embedding(row) else row.max_output_tokens,
    "input": lambda row: Decimal(row.input_usd),
    "output": lambda row: None if _is_embedding(row) else Decimal(row.output_usd),
    "cached": lambda row: None if _is_embedding(row) else Decimal(row.cache_read_usd),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogFilter:
    """Prices in dollars per million tokens; None and empty narrow nothing."""

    words: tuple[str, ...] = ()
    protocol: str = ""
    capabilities: frozenset[str] = frozenset()
    context: int | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    min_output_price: Decimal | None = None
    max_output_price: Decimal | None = None
    free: bool = False
    sort: str = ""

    def rows(self, rows: Iterable[CatalogRow]) -> list[CatalogRow]:
        """The rows that match, in the order asked for; without one, in the order staff gave."""
        found = [row for row in rows if self.matches(row)]
        name = self.sort.removeprefix("-")
        descending = self.sort.startswith("-")
        if name == "id":
            return sorted(found, key=lambda row: row.public_id.lower(), reverse=descending)
        if name == "newest":
            return sorted(found, key=lambda row: row.created_at, reverse=True)
        if name in NUMBERS:
            return _by_number(found, NUMBERS[name], descending=descending)
        return found

    def matches(self, row: CatalogRow) -> bool:
        text = f"{row.public_id} {row.display_name} {row.description}".lower()
        return (
            all(word in text for word in self.words)
            and (not self.protocol or self.protocol in row_protocols(row))
            and self.capabilities <= set(row.capabilities)
            and (self.context is None or row.context_tokens >= self.context)
            and (row.free or not self.free)
            and _within(NUMBERS["input"](row), self.min_price, self.max_price)
            and _within(NUMBERS["output"](row), self.min_output_price, self.max_output_price)
        )


def _by_number(rows: list[CatalogRow], number: Number, *, descending: bool) -> list[CatalogRow]:
    """Equal numbers stay in the order they came in, in both directions."""
    known = [row for row in rows if number(row) is not None]
    known.sort(key=lambda row: number(row) or 0, reverse=descending)
    return known + [row for row in rows if number(row) is None]


def _within(price: Decimal | int | None, least: Decimal | None, most: Decimal | None) -> bool:
    """A bound on a price that a model has not got says nothing about it."""
    return price is None or ((least is None or price >= least) and (most is None or price <= most))
