"""Price x usage, pure: the one function behind quote, hold, charge and the docs table."""

from dataclasses import dataclass

TOKENS_PER_MTOK = 1_000_000
# A dollar a token: a typing mistake above it, and far below what a 64-bit charge can carry.
RATE_NANOS_MAX = 1_000_000 * 1_000_000_000
# What free output can be bought of: more than any answer.
TOKENS_UNBOUNDED = 10**12


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request in disjoint buckets; `reasoning_tokens` is part of the output."""

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def prompt_tokens(self) -> int:
        """Everything that went in, cached or not."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_5m_tokens + self.cache_write_1h_tokens


@dataclass(frozen=True, slots=True)
class Rates:
    """Nano-dollars per million tokens of each bucket."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0

    @property
    def dearest_input(self) -> int:
        """The most a prompt token can cost, whichever bucket it will turn out to be in."""
        return max(self.input, self.cache_read, self.cache_write_5m, self.cache_write_1h)


@dataclass(frozen=True, slots=True)
class Pricing:
    """The rates of one price version (to the customer) or of one route (our cost).

    Above `long_context_above_tokens` prompt tokens the whole request goes by `long_context_rates`.
    """

    rates: Rates
    long_context_above_tokens: int | None = None
    long_context_rates: Rates | None = None


def charge_nanos(usage: Usage, pricing: Pricing) -> int:
    """Exact price of `usage` in nano-dollars: summed over the buckets, rounded up once."""
    rates = rates_for(usage.prompt_tokens, pricing)
    total = (
        usage.input_tokens * rates.input
        + usage.cache_read_tokens * rates.cache_read
        + usage.cache_write_5m_tokens * rates.cache_write_5m
        + usage.cache_write_1h_tokens * rates.cache_write_1h
        + usage.output_tokens * rates.output
    )
    return -(-total // TOKENS_PER_MTOK)


def bound_nanos(*, prompt_tokens_max: int, output_tokens_max: int, pricing: Pricing) -> int:
    """The most a request of at most so many tokens can cost: what admission holds."""
    return max(
        -(-(prompt_tokens_max * rates.dearest_input + output_tokens_max * rates.output) // TOKENS_PER_MTOK)
        for rates in _possible_rates(prompt_tokens_max, pricing)
    )


def output_tokens_affordable(*, amount_nanos: int, prompt_tokens_max: int, pricing: Pricing) -> int:
    """The most output tokens whose bound is within `amount_nanos`; below 0 when the prompt alone may cost more."""
    return min(
        _output_tokens_within(amount_nanos * TOKENS_PER_MTOK - prompt_tokens_max * rates.dearest_input, rates)
        for rates in _possible_rates(prompt_tokens_max, pricing)
    )


def _output_tokens_within(left: int, rates: Rates) -> int:
    if left < 0:
        return -1
    return left // rates.output if rates.output else TOKENS_UNBOUNDED


def _possible_rates(prompt_tokens_max: int, pricing: Pricing) -> list[Rates]:
    """By which rates a prompt of at most so many tokens may come to be charged."""
    if pricing.long_context_rates and prompt_tokens_max > (pricing.long_context_above_tokens or 0):
        return [pricing.rates, pricing.long_context_rates]
    return [pricing.rates]


def rates_for(prompt_tokens: int, pricing: Pricing) -> Rates:
    """The rates that a prompt of so many tokens goes by."""
    threshold, rates = pricing.long_context_above_tokens, pricing.long_context_rates
    return rates if rates is not None and threshold is not None and prompt_tokens > threshold else pricing.rates
