"""Budgets: what a whole organisation may spend in a day, a week, a month, and ever."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import Action
from billing.budgets import budgets_get, budgets_set
from billing.ledger import Period
from billing.limits import LIMIT_MAX_NANOS, LIMIT_MIN_NANOS, LimitView
from tokenoutput.api.errors import Refused
from tokenoutput.api.figures import Strict, UsdField, number
from tokenoutput.api.keyed import KeyedView, body_checked
from tokenoutput.api.limits import Limit, limit_of
from tokenoutput.api.pages import Deleted
from tokenoutput.api.permissions import role_check
from tokenoutput.api.schema import operation

# OpenRouter's word for each of our periods.
PERIODS: Mapping[str, Period] = {"daily": "daily", "weekly": "weekly", "monthly": "monthly", "lifetime": "total"}
_INTERVALS = {period: interval for interval, period in PERIODS.items()}


class Budget(Limit):
    """What may be spent in an interval, and what was."""

    period = None
    interval = serializers.ChoiceField(choices=list(PERIODS))
    limit = serializers.FloatField()


class BudgetsAnswer(serializers.Serializer):
    """The budgets there are, the shortest interval first."""

    data = Budget(many=True)


class BudgetAnswer(serializers.Serializer):
    """One budget."""

    data = Budget()


class BudgetAsked(Strict):
    """How much."""

    limit_usd = UsdField(least_nanos=LIMIT_MIN_NANOS, most_nanos=LIMIT_MAX_NANOS, help_text="Below longer intervals'.")


class BudgetsView(KeyedView):
    """Budgets."""

    needs = {"GET": "organization:read"}

    @operation("Budgets", "List budgets", answer=BudgetsAnswer)
    def get(self, request: Request) -> Response:
        """What all keys and members together may spend."""
        budgets = budgets_get(organization_id=self.caller.organization_id)
        return Response({"data": [_budget(budget) for budget in budgets.values()]})


class BudgetOne(KeyedView):
    """The budget of one interval."""

    needs = {"GET": "organization:read", "PUT": "organization:write", "DELETE": "organization:write"}

    @operation("Budgets", "Get a budget", answer=BudgetAnswer)
    def get(self, request: Request, interval: str) -> Response:
        """The budget of `daily`, `weekly`, `monthly` or `lifetime`."""
        return Response({"data": _budget(self._found(interval))})

    @operation("Budgets", "Set a budget", answer=BudgetAnswer, body=BudgetAsked)
    def put(self, request: Request, interval: str) -> Response:
        """Make or change it, from the next request on. It must be below the budget of any longer interval."""
        role_check(self.caller, Action.LIMITS_CHANGE)
        period = _period(interval)
        asked = body_checked(request, BudgetAsked)
        self._set(period, asked["limit_usd"])
        return self.get(request, interval)

    @operation("Budgets", "Remove a budget", answer=Deleted)
    def delete(self, request: Request, interval: str) -> Response:
        """Take it away: that interval has no limit then."""
        role_check(self.caller, Action.LIMITS_CHANGE)
        self._found(interval)
        self._set(_period(interval), None)
        return Response({"deleted": True})

    def _found(self, interval: str) -> LimitView:
        found = budgets_get(organization_id=self.caller.organization_id).get(_period(interval))
        if found is None:
            raise Refused(404, f"There is no {interval} budget.", reason="not_found")
        return found

    def _set(self, period: Period, amount_nanos: int | None) -> None:
        budgets_set(
            organization_id=self.caller.organization_id,
            amounts_nanos={period: amount_nanos},
            user_id=self.caller.user_id,
        )


def _period(interval: str) -> Period:
    if interval not in PERIODS:
        raise Refused(404, "An interval is daily, weekly, monthly or lifetime.", reason="not_found")
    return PERIODS[interval]


def _budget(budget: LimitView) -> dict[str, Any]:
    figures = limit_of(budget)
    return {"interval": _INTERVALS[figures.pop("period")], "limit": number(budget.amount_nanos)} | figures
