"""Pages of billing that are only read: usage, and the balance with its ledger."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.access import access_get
from billing.billing_page import billing_page
from billing.lines import usage_lines

USAGE_PAGE_ROWS = 50


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
    """The balance, how to add to it, and the lines it is made of."""
    return billing_page(request, access_get(request, slug=slug))


def _cursor(text: str) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404 from error
