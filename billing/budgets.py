"""Budgets: spending limits of a whole organisation, one in each period at most, each below those of longer periods."""

from collections.abc import Mapping
from itertools import pairwise

from django.db import transaction

from accounts.audit import audit_record
from billing import ledger
from billing.ledger import Period
from billing.limits import PERIODS, LimitView, amount_check, limits_list
from catalog.money import nanos_to_usd


class BudgetsOutOfOrder(ValueError):
    """A budget is not below that of a longer period: it would never be the one that binds."""

    def __init__(self, *, shorter: Period, longer: Period) -> None:
        self.shorter, self.longer = shorter, longer
        super().__init__(f"The {shorter} budget must be below the {longer} one.")


def budgets_get(*, organization_id: int) -> dict[Period, LimitView]:
    """The organisation's budgets, the shortest period first."""
    return {limit.period: limit for limit in limits_list(organization_id=organization_id) if limit.is_budget}


@transaction.atomic
def budgets_set(
    *, organization_id: int, amounts_nanos: Mapping[Period, int | None], user_id: int | None = None
) -> list[Period]:
    """Make, change or (None) take away the budgets of these periods; others stay. The periods that changed.

    Raises `LimitAmountRefused` and `BudgetsOutOfOrder`: then nothing has changed. Holds from the next request on.
    """
    for amount_nanos in amounts_nanos.values():
        if amount_nanos is not None:
            amount_check(amount_nanos)
    wallet_id = ledger.wallet_open(organization_id=organization_id)
    before = budgets_get(organization_id=organization_id)
    changed = []
    for period, amount_nanos in amounts_nanos.items():
        old = before.get(period)
        if amount_nanos == (old.amount_nanos if old else None):
            continue
        changed.append(period)
        if amount_nanos is None:
            assert old is not None  # Else it would be as it was.
            ledger.spending_limit_remove(wallet_id=wallet_id, limit_id=old.id)
        else:
            ledger.spending_limit_set(wallet_id=wallet_id, period=period, amount_nanos=amount_nanos)
        audit_record(
            organization_id=organization_id,
            user_id=user_id,
            action="organization.budget_removed" if amount_nanos is None else "organization.budget_set",
            details={"period": period} | ({"usd": nanos_to_usd(amount_nanos)} if amount_nanos else {}),
        )
    if changed:  # The wallet is locked since the first change: whoever changes another budget meanwhile comes after.
        _order_check(budgets_get(organization_id=organization_id))
    return changed


def _order_check(budgets: Mapping[Period, LimitView]) -> None:
    there = [period for period in PERIODS if period in budgets]
    for shorter, longer in pairwise(there):
        if budgets[shorter].amount_nanos >= budgets[longer].amount_nanos:
            raise BudgetsOutOfOrder(shorter=shorter, longer=longer)
