"""Pages of billing: usage, the balance with its ledger, the development top-up."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.access import Access, access_get
from accounts.roles import Action
from billing.forms import TopupForm
from billing.lines import usage_lines
from billing.selectors import transfers_list, wallet_get
from billing.topups import topup_development
from catalog.templatetags.money import usd

USAGE_PAGE_ROWS = 50
LEDGER_ROWS = 50


@never_cache
@require_GET
@login_required
def usage(request: HttpRequest, slug: str) -> HttpResponse:
    """Every request that was metered, one page at a time."""
    access = access_get(request, slug=slug)
    before = _cursor(request.GET.get("before", ""))
    lines = usage_lines(organization_id=access.organization.id, before=before, limit=USAGE_PAGE_ROWS + 1)
    page = lines[:USAGE_PAGE_ROWS]
    context = {
        "access": access,
        "lines": page,
        "before": before,
        "older": page[-1].row.id if len(lines) > USAGE_PAGE_ROWS else None,
    }
    return render(request, "app/usage.html", context)


@never_cache
@require_GET
@login_required
def billing(request: HttpRequest, slug: str) -> HttpResponse:
    """The balance, the lines it is made of, and the top-up form."""
    return _billing_page(request, access_get(request, slug=slug), TopupForm())


@require_POST
@login_required
def topup(request: HttpRequest, slug: str) -> HttpResponse:
    """Credit the wallet without a payment: development only."""
    if not settings.DEVELOPMENT_TOPUP:
        raise Http404
    access = access_get(request, slug=slug, action=Action.MONEY_CHANGE)
    form = TopupForm(request.POST)
    if not form.is_valid():
        return _billing_page(request, access, form, status=422)
    amount_nanos = form.cleaned_data["amount_usd"]
    topup_development(
        organization_id=access.organization.id,
        amount_nanos=amount_nanos,
        by_user_id=access.user_id,
        key=str(form.cleaned_data["once"]),
    )
    messages.success(request, _("%(amount)s added to your balance.") % {"amount": usd(amount_nanos)})
    return redirect("billing", slug=slug)


def _cursor(text: str) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404 from error


def _billing_page(request: HttpRequest, access: Access, form: TopupForm, *, status: int = 200) -> HttpResponse:
    context = {
        "access": access,
        "form": form,
        "wallet": wallet_get(organization_id=access.organization.id),
        "transfers": transfers_list(organization_id=access.organization.id, limit=LEDGER_ROWS),
        "topup": settings.DEVELOPMENT_TOPUP,
    }
    return render(request, "app/billing.html", context, status=status)
