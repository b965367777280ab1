"""Cents on the simulator's pages, as dollars."""

from django import template

from billing.payment_models import NANOS_PER_CENT
from catalog.templatetags.money import usd

register = template.Library()


@register.filter
def cents(amount: int) -> str:
    """1050 is "$10.50"."""
    return usd(amount * NANOS_PER_CENT)
