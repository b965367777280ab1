"""Dollars and prices: exact, whatever the numbers."""

from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from catalog.money import NANOS_MAX, nanos_to_usd, usd_to_nanos
from catalog.pricing import (
    RATE_NANOS_MAX,
    TOKENS_UNBOUNDED,
    Pricing,
    Rates,
    Usage,
    bound_nanos,
    charge_nanos,
    output_tokens_affordable,
)

nanos = st.integers(-NANOS_MAX, NANOS_MAX)
rates = st.builds(Rates, *[st.integers(0, RATE_NANOS_MAX)] * 5)
flat = st.builds(Pricing, rates=rates)
tiered = st.builds(Pricing, rates=rates, long_context_above_tokens=st.integers(1, 3_000_000), long_context_rates=rates)
tokens = st.integers(0, 2_000_000)
usages = st.builds(
    Usage,
    input_tokens=tokens,
    cache_read_tokens=tokens,
    cache_write_5m_tokens=tokens,
    cache_write_1h_tokens=tokens,
    output_tokens=tokens,
    reasoning_tokens=tokens,
)


@given(nanos, st.integers(0, 12))
def test_money_survives_a_round_trip(amount, places_min):
    assert usd_to_nanos(nanos_to_usd(amount, places_min)[: 40 if places_min <= 9 else None]) == amount


@given(nanos)
def test_money_means_what_it_says(amount):
    assert Fraction(nanos_to_usd(amount)) * 10**9 == amount


@pytest.mark.parametrize(
    ("text", "amount"),
    [("12.5", 12_500_000_000), ("0", 0), ("-0.000000001", -1), ("0012", 12 * 10**9), ("1.0000000000000", 10**9)],
)
def test_dollars_in(text, amount):
    assert usd_to_nanos(text) == amount


@pytest.mark.parametrize(
    "text",  # \u0661 is an Arabic 1
    [
        "",
        " ",
        "1 ",
        "+1",
        "1,5",
        "1_0",
        ".5",
        "5.",
        "1e3",
        "NaN",
        "Infinity",
        "0x1",
        "\u0661",
        "0.0000000001",
        "--1",
        "1\n",
        "1" * 30,
        "9223372036.854775808",
        "1.000000000000000000000000000000000001",
        "1e999999999",
    ],
)
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(ValueError, match=r"is not an amount|decimal places|too large"):
        usd_to_nanos(text)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(12_500_000_000, "12.50"), (3_100, "0.0000031"), (-1, "-0.000000001"), (0, "0.00"), (10**9, "1.00")],
)
def test_dollars_out(amount, text):
    assert nanos_to_usd(amount) == text


@given(usages, flat | tiered)
def test_a_charge_is_exact_and_rounded_up_once(usage, pricing):
    threshold, long = pricing.long_context_above_tokens, pricing.long_context_rates
    prompt = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
    by = long if long is not None and prompt > threshold else pricing.rates
    exact = Fraction(
        usage.input_tokens * by.input
        + usage.cache_read_tokens * by.cache_read
        + usage.cache_write_5m_tokens * by.cache_write_5m
        + usage.cache_write_1h_tokens * by.cache_write_1h
        + usage.output_tokens * by.output,
        1_000_000,
    )
    assert 0 <= charge_nanos(usage, pricing) - exact < 1


@given(usages, flat | tiered, tokens, tokens)
def test_the_bound_covers_every_usage_within_it(usage, pricing, prompt_slack, output_slack):
    bound = bound_nanos(
        prompt_tokens_max=usage.prompt_tokens + prompt_slack,
        output_tokens_max=usage.output_tokens + output_slack,
        pricing=pricing,
    )
    assert bound >= charge_nanos(usage, pricing)


@given(usages, rates, rates, st.integers(-2, 2))
def test_the_bound_covers_both_sides_of_the_step(usage, low, high, offset):
    """The threshold right beside the prompt, cheaper above it or dearer."""
    above = max(1, usage.prompt_tokens + offset)
    pricing = Pricing(rates=low, long_context_above_tokens=above, long_context_rates=high)
    bound = bound_nanos(
        prompt_tokens_max=usage.prompt_tokens + 1, output_tokens_max=usage.output_tokens, pricing=pricing
    )
    assert bound >= charge_nanos(usage, pricing)


@given(flat | tiered, tokens, st.integers(0, 10**13))
def test_what_is_affordable_is_the_most_that_its_bound_allows(pricing, prompt, amount):
    def cost(output):
        return bound_nanos(prompt_tokens_max=prompt, output_tokens_max=output, pricing=pricing)

    affordable = output_tokens_affordable(amount_nanos=amount, prompt_tokens_max=prompt, pricing=pricing)
    if affordable < 0:
        assert cost(0) > amount
    else:
        assert cost(affordable) <= amount
        assert affordable == TOKENS_UNBOUNDED or cost(affordable + 1) > amount


def test_the_step_is_above_the_threshold():
    pricing = Pricing(
        rates=Rates(input=1_000_000), long_context_above_tokens=100, long_context_rates=Rates(input=2_000_000)
    )
    assert charge_nanos(Usage(input_tokens=100), pricing) == 100
    assert charge_nanos(Usage(input_tokens=60, cache_read_tokens=41), pricing) == 120


def test_a_charge_can_be_opened_line_by_line():
    """1,200 in, 300 out at $0.10 and $0.40: $0.00012 + $0.00012."""
    pricing = Pricing(rates=Rates(input=100_000_000, output=400_000_000))
    assert nanos_to_usd(charge_nanos(Usage(input_tokens=1200, output_tokens=300), pricing)) == "0.00024"
