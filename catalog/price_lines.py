"""A charge opened line by line: tokens x price of each kind, exactly as it was computed. Pure."""

from dataclasses import dataclass
from decimal import Decimal

from catalog.pricing import TOKENS_PER_MTOK, Pricing, Usage, rates_for

BUCKETS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
_NANOS_PER_USD = Decimal(1_000_000_000)


@dataclass(frozen=True, slots=True)
class PriceLine:
    """Tokens of one bucket and their price. `amount_usd` is exact: it may have places below a nano-dollar."""

    bucket: str
    tokens: int
    rate_nanos: int
    amount_usd: Decimal


@dataclass(frozen=True, slots=True)
class PricedUsage:
    """The lines, what they add up to, and what rounding up once to a nano-dollar adds."""

    lines: tuple[PriceLine, ...]
    long_context: bool
    rounding_usd: Decimal
    charge_nanos: int


def usage_priced(usage: Usage, pricing: Pricing) -> PricedUsage:
    """What `catalog.pricing.charge_nanos` adds up, shown; buckets without tokens are left out."""
    rates = rates_for(usage.prompt_tokens, pricing)
    parts = [(name, getattr(usage, f"{name}_tokens"), getattr(rates, name)) for name in BUCKETS]
    total = sum(tokens * rate for _, tokens, rate in parts)
    charge_nanos = -(-total // TOKENS_PER_MTOK)
    return PricedUsage(
        lines=tuple(PriceLine(name, tokens, rate, _usd(tokens * rate)) for name, tokens, rate in parts if tokens),
        long_context=rates is not pricing.rates,
        rounding_usd=_usd(charge_nanos * TOKENS_PER_MTOK - total),
        charge_nanos=charge_nanos,
    )


def _usd(millionths_of_nanos: int) -> Decimal:
    """Whole millionths of a nano-dollar as dollars: 15 places, so nothing is rounded."""
    return Decimal(millionths_of_nanos) / TOKENS_PER_MTOK / _NANOS_PER_USD
