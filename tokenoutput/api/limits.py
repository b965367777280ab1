"""Spending limits, as keys and members show them."""

from typing import Any

from rest_framework import serializers

from billing.limits import LimitView
from tokenoutput.api.figures import moment, usd


class Limit(serializers.Serializer):
    """What may be spent in a window, and what was."""

    period = serializers.ChoiceField(choices=["daily", "weekly", "monthly", "total"])
    limit_usd = serializers.CharField()
    spent_usd = serializers.CharField()
    held_usd = serializers.CharField()
    remaining_usd = serializers.CharField()
    resets_at = serializers.DateTimeField(allow_null=True)


def limit_of(limit: LimitView) -> dict[str, Any]:
    """One limit, exactly."""
    return {
        "period": limit.period,
        "limit_usd": usd(limit.amount_nanos),
        "spent_usd": usd(limit.spent_nanos),
        "held_usd": usd(limit.held_nanos),
        "remaining_usd": usd(limit.left_nanos),
        "resets_at": moment(limit.resets_at),
    }
