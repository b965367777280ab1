"""Money on pages: dollars rounded for reading, the exact amount always at hand."""

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog.money import NANOS_PER_USD, nanos_to_usd

register = template.Library()
SIGNIFICANT_PLACES = 6
MINUS = "\N{MINUS SIGN}"


@register.filter
def usd(nanos: int) -> str:
    """Two places from $1, below that up to six significant ones: "$12.34", "$0.0000031"."""
    return _dollars(nanos, rounding=ROUND_HALF_UP)


@register.filter
def usd_available(nanos: int) -> str:
    """As `usd`, but never shows more than there is: $4.9999 is "$4.99"."""
    return _dollars(nanos, rounding=ROUND_DOWN)


@register.filter
def usd_exact(nanos: int) -> str:
    """Every place there is: "$4.999968"."""
    return f"{MINUS if nanos < 0 else ''}${nanos_to_usd(abs(nanos))}"


@register.filter
def usd_places(amount: Decimal) -> str:
    """A dollar amount with every place it has, at least two: "0.0000157", "0.00"."""
    whole, _, places = f"{amount:f}".partition(".")
    return f"{whole}.{places.rstrip('0').ljust(2, '0')}"


@register.simple_tag
def money(nanos: int, *, available: bool = False, signed: bool = False) -> SafeString:
    """An amount for reading that carries its exact value."""
    text = usd_available(nanos) if available else usd(nanos)
    plus = "+" if signed and nanos > 0 else ""
    return format_html('<data value="{}" title="{}">{}{}</data>', nanos_to_usd(nanos), usd_exact(nanos), plus, text)


@register.filter
def price(usd_per_mtok: str | None) -> str:
    """A decimal dollar string per million tokens, with at least two places."""
    if usd_per_mtok is None:
        return ""
    whole, _, places = usd_per_mtok.partition(".")
    return f"${whole}.{places.rstrip('0').ljust(2, '0')}"


@register.filter
def tokens_short(count: int | None) -> str:
    """A limit in the unit people say it in: 131072 is "128K", 200000 is "200K", 1000000 is "1M"."""
    if not count:
        return ""
    for size, unit in ((1_000_000, "M"), (1024 * 1024, "M"), (1000, "K"), (1024, "K")):
        if count >= size and count % size == 0:
            return f"{count // size}{unit}"
    return f"{count:,}"


def _dollars(nanos: int, *, rounding: str) -> str:
    amount = Decimal(abs(nanos)) / NANOS_PER_USD
    if amount >= 1 or not amount:
        text = f"{amount.quantize(Decimal('0.01'), rounding=rounding):,}"
    else:
        step = Decimal(1).scaleb(amount.adjusted() - SIGNIFICANT_PLACES + 1)
        whole, _, places = f"{amount.quantize(max(step, Decimal('1e-9')), rounding=rounding):f}".partition(".")
        text = f"{whole}.{places.rstrip('0').ljust(2, '0')}"
    return f"{MINUS if nanos < 0 else ''}${text}"
