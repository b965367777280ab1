"""Where budgets are saved; they are shown on the billing page."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.access import access_get
from accounts.roles import Action
from billing.billing_page import billing_page
from billing.budget_forms import BudgetsForm
from billing.budgets import BudgetsOutOfOrder, budgets_set


@require_POST
@login_required
def budgets(request: HttpRequest, slug: str) -> HttpResponse:
    """Set, change and take away the budgets; saving the same twice changes nothing."""
    access = access_get(request, slug=slug, action=Action.LIMITS_CHANGE)
    form = BudgetsForm(request.POST)
    if not form.is_valid():
        return billing_page(request, access, budgets_form=form, status=422)
    try:
        changed = budgets_set(
            organization_id=access.organization.id, amounts_nanos=form.amounts_nanos, user_id=access.user_id
        )
    except BudgetsOutOfOrder as error:
        form.out_of_order(error)
        return billing_page(request, access, budgets_form=form, status=422)
    if changed:
        messages.success(
            request, _("Saved. Budgets hold from the next request on; what their period saw so far counts.")
        )
    else:
        messages.success(request, _("The budgets are as they were."))
    return redirect("billing", slug=slug)
