"""The balance in the header of every dashboard page: one query."""

from dataclasses import dataclass

from django import template

from billing.selectors import wallet_available

register = template.Library()


@dataclass(frozen=True, slots=True)
class LiveBalance:
    """What may be spent now; `level` is what a page says aloud when it changes."""

    available_nanos: int
    level: str


@register.simple_tag
def live_balance(organization_id: int) -> LiveBalance | None:
    """The balance to begin with; the page's socket keeps it current. None where there is no wallet."""
    available_nanos = wallet_available(organization_id=organization_id)
    if available_nanos is None:
        return None
    return LiveBalance(available_nanos, "empty" if available_nanos <= 0 else "ok")
