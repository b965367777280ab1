"""Money as pages write it: rounded for reading, exact beside it."""

import pytest

from catalog.templatetags.money import money, price, tokens_short, usd, usd_available, usd_exact
from catalog.templatetags.snippets import highlighted

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("nanos", "read", "available", "exact"),
    [
        (0, "$0.00", "$0.00", "$0.00"),
        (1, "$0.000000001", "$0.000000001", "$0.000000001"),
        (3_100, "$0.0000031", "$0.0000031", "$0.0000031"),
        (123_456_789, "$0.123457", "$0.123456", "$0.123456789"),
        (999_999_999, "$1.00", "$0.999999", "$0.999999999"),
        (4_999_968_000, "$5.00", "$4.99", "$4.999968"),
        (1_234_567_891_000, "$1,234.57", "$1,234.56", "$1234.567891"),
        (-1_200_000_000, f"{MINUS}$1.20", f"{MINUS}$1.20", f"{MINUS}$1.20"),
    ],
)
def test_amounts(nanos, read, available, exact):
    assert (usd(nanos), usd_available(nanos), usd_exact(nanos)) == (read, available, exact)


def test_an_amount_carries_its_exact_value():
    assert money(4_999_968_000, available=True) == '<data value="4.999968" title="$4.999968">$4.99</data>'
    assert money(5, signed=True).endswith(">+$0.000000005</data>")
    assert money(-5, signed=True).endswith(f">{MINUS}$0.000000005</data>")


@pytest.mark.parametrize(
    ("stored", "shown"), [("3", "$3.00"), ("0.10", "$0.10"), ("0.125", "$0.125"), ("15.000", "$15.00")]
)
def test_prices_have_two_places_or_as_many_as_they_need(stored, shown):
    assert price(stored) == shown


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (131_072, "128K"),
        (128_000, "128K"),
        (200_000, "200K"),
        (1_000_000, "1M"),
        (1_048_576, "1M"),
        (8192, "8K"),
        (4097, "4,097"),
        (0, ""),
    ],
)
def test_limits_are_said_in_the_unit_people_use(count, said):
    assert tokens_short(count) == said


def test_code_is_coloured_by_classes_and_escaped():
    html = highlighted('print("<b>")', "python")
    assert "&lt;b&gt;" in html
    assert "class=" in html
    assert "style=" not in html
