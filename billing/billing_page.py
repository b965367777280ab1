"""The billing page: what there is, how to add to it, and every line it is made of."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.access import Access
from accounts.parts import page_or_parts
from billing import stripe_mode
from billing.auto_topups import AutoTopupView, WorstMonth, auto_topup_get
from billing.budget_forms import BudgetsForm
from billing.budgets import budgets_get
from billing.cards import card_get
from billing.forms import AutoTopupForm, TopupForm
from billing.payment_selectors import payments_list
from billing.profile_forms import ProfileForm
from billing.profiles import profile_get
from billing.selectors import wallet_get
from billing.statement import statement_get
from catalog.money import usd_to_nanos

LATEST_ROWS = 5
PRESETS = (10, 20, 50, 100)


def billing_page(
    request: HttpRequest,
    access: Access,
    *,
    form: TopupForm | None = None,
    auto_form: AutoTopupForm | None = None,
    budgets_form: BudgetsForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page, with a form that was refused in place of a fresh one."""
    organization_id = access.organization.id
    statement = statement_get(organization_id=organization_id, limit=LATEST_ROWS)
    auto = auto_topup_get(organization_id=organization_id)
    budgets = budgets_get(organization_id=organization_id)
    profile = profile_get(organization_id=organization_id)
    payments = payments_list(organization_id=organization_id, limit=LATEST_ROWS)
    context = {
        "access": access,
        "form": form or TopupForm.of(request.GET.get("amount", "")),
        "presets": PRESETS,
        "taxed": settings.STRIPE_AUTOMATIC_TAX,
        "profile": profile,
        # Before the first payment, once: who saved an empty form has said no.
        "profile_form": None if payments or profile.asked else ProfileForm(),
        "auto": auto,
        "budgets": list(budgets.values()),
        "budgets_form": budgets_form or BudgetsForm.of(budgets),
        "auto_form": auto_form or _auto_form(auto),
        "worst": _worst_month(auto),
        "card": card_get(organization_id=organization_id),
        "month": timezone.now(),
        "wallet": wallet_get(organization_id=organization_id),
        "payments": payments,
        "statement": statement,
        "lines": statement.lines,
        "configured": stripe_mode.configured(),
        "simulated": stripe_mode.simulated(),
    }
    return page_or_parts(request, "app/billing.html", context, status=status)


def _worst_month(auto: AutoTopupView | None) -> WorstMonth:
    if auto is not None:
        return WorstMonth(auto.amount_nanos, auto.monthly_cap_nanos)
    fields = AutoTopupForm.base_fields
    return WorstMonth(*(usd_to_nanos(fields[name].initial) for name in ("topup_usd", "monthly_cap_usd")))


def _auto_form(auto: AutoTopupView | None) -> AutoTopupForm:
    if auto is None:
        return AutoTopupForm()
    return AutoTopupForm(
        initial={
            "threshold_usd": auto.threshold_nanos,
            "topup_usd": auto.amount_nanos,
            "monthly_cap_usd": auto.monthly_cap_nanos,
        }
    )
