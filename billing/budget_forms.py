"""The form of budgets: an amount in each period, empty for none."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from billing.amounts import AmountField
from billing.budgets import BudgetsOutOfOrder
from billing.ledger import Period
from billing.limits import LIMIT_MAX_NANOS, LIMIT_MIN_NANOS, PERIODS, LimitView

_LABELS = {"daily": _("Each day"), "weekly": _("Each week"), "monthly": _("Each month"), "total": _("In total")}
_NAMES = {"daily": _("daily"), "weekly": _("weekly"), "monthly": _("monthly"), "total": _("total")}


def _amount(period: Period) -> AmountField:
    return AmountField(label=_LABELS[period], required=False, min_nanos=LIMIT_MIN_NANOS, max_nanos=LIMIT_MAX_NANOS)


class BudgetsForm(forms.Form):
    """What all of an organisation may spend in a day, a week, a month, and in total."""

    daily = _amount("daily")
    weekly = _amount("weekly")
    monthly = _amount("monthly")
    total = _amount("total")

    @classmethod
    def of(cls, budgets: Mapping[Period, LimitView]) -> "BudgetsForm":
        """The form filled with the budgets there are."""
        return cls(initial={period: budget.amount_nanos for period, budget in budgets.items()})

    @property
    def amounts_nanos(self) -> dict[Period, int | None]:
        """What was asked for, once the form is valid."""
        return {period: self.cleaned_data[period] for period in PERIODS}

    def out_of_order(self, error: BudgetsOutOfOrder) -> None:
        """Say it beside the field that is too high."""
        said: Any = _("The %(shorter)s budget must be below the %(longer)s one.")
        self.add_error(error.shorter, said % {"shorter": _NAMES[error.shorter], "longer": _NAMES[error.longer]})
