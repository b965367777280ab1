"""How much an API key may still spend, and what binds it: its limits, its member's, a budget, or the balance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from billing.limits import LimitView

Scope = Literal["key", "member", "organization", "balance"]
_ORDER: tuple[Scope, ...] = ("key", "member", "organization", "balance")


@dataclass(frozen=True, slots=True)
class Headroom:
    """The least that is left, and of what; `limit` is None where the balance is it."""

    left_nanos: int
    binding: Scope
    limit: LimitView | None


def headroom_of(*, limits: Sequence[LimitView], available_nanos: int) -> Headroom:
    """`limits`: all that a request with the key has to pass. Where two leave the same, the narrower scope binds."""
    found = [Headroom(limit.left_nanos, scope_of(limit), limit) for limit in limits]
    found.append(Headroom(max(available_nanos, 0), "balance", None))
    return min(found, key=lambda one: (one.left_nanos, _ORDER.index(one.binding)))


def scope_of(limit: LimitView) -> Scope:
    """Whose limit it is."""
    if limit.is_budget:
        return "organization"
    return "key" if limit.api_key_id is not None else "member"
