"""OpenRouter's one limit of a key, on keys that may have one in each window here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from rest_framework.serializers import ValidationError

from accounts.management_keys import ManagementCaller
from accounts.roles import Action
from billing.ledger import Period
from billing.limits import LimitView, limit_remove, limit_set, limits_list
from billing.selectors import wallet_get
from tokenoutput.api.permissions import role_check

# What clients send for a window; null is one that never begins anew.
RESETS = ("daily", "weekly", "monthly")


def key_limit_change(
    caller: ManagementCaller, *, api_key_id: int, asked: dict[str, Any], limits: list[LimitView]
) -> None:
    """Bring the key's limit to what was asked for, if anything was. `limits` are the key's own, as they are now.

    Without a window it is the one limit that the key has; a window alone moves that limit there.
    """
    if not {"limit", "limit_reset"} & set(asked):
        return
    role_check(caller, Action.LIMITS_CHANGE)
    if "limit_reset" not in asked and len(limits) > 1:
        raise ValidationError({"limit_reset": ["This key has several limits: say which window you mean."]})
    period = cast("Period", asked["limit_reset"] or "total") if "limit_reset" in asked else _period(limits)
    same = next((limit for limit in limits if limit.period == period), None)
    moved = limits[0] if len(limits) == 1 and same is None else None
    if "limit" not in asked and moved is None:
        if same is None:
            raise ValidationError({"limit": ["Say the amount: this key has no limit in this window."]})
        return
    amount_nanos = asked.get("limit", moved and moved.amount_nanos)
    who = {"organization_id": caller.organization_id, "user_id": caller.user_id}
    for gone in (moved, same if amount_nanos is None else None):
        if gone is not None:
            limit_remove(limit_id=gone.id, **who)
    if amount_nanos is not None:
        limit_set(api_key_id=api_key_id, period=period, amount_nanos=amount_nanos, **who)


def _period(limits: list[LimitView]) -> Period:
    return limits[0].period if limits else "total"


@dataclass(frozen=True, slots=True)
class Headroom:
    """What the next request of a key may cost, and what says so: key, member, organization or balance."""

    left_nanos: int
    scope: str


@dataclass(frozen=True, slots=True)
class Standing:
    """All limits of an organisation and what its wallet has available: enough for any of its keys."""

    limits: list[LimitView]
    available_nanos: int

    def of_key(self, api_key_id: int) -> list[LimitView]:
        """The key's own limits, the shortest window first."""
        return [limit for limit in self.limits if limit.api_key_id == api_key_id]

    def headroom(self, *, api_key_id: int, member_id: int | None) -> Headroom:
        """The tightest of key, member, organisation and balance."""
        found = [Headroom(max(self.available_nanos, 0), "balance")]
        for limit in self.limits:
            if limit.api_key_id == api_key_id:
                found.append(Headroom(limit.left_nanos, "key"))
            elif limit.member_id is not None and limit.member_id == member_id:
                found.append(Headroom(limit.left_nanos, "member"))
            elif limit.is_budget:
                found.append(Headroom(limit.left_nanos, "organization"))
        return min(found, key=lambda one: one.left_nanos)


def standing_get(*, organization_id: int) -> Standing:
    """As it is now."""
    wallet = wallet_get(organization_id=organization_id)
    return Standing(limits_list(organization_id=organization_id), wallet.available_nanos)


def limit_shown(limits: Sequence[LimitView]) -> LimitView | None:
    """Of several limits the one that will bind first."""
    return min(limits, key=lambda limit: limit.left_nanos, default=None)
