"""Pages that join apps: landing, models, overview."""

from datetime import UTC, datetime

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from accounts.access import access_get
from accounts.selectors import api_keys_list
from billing.lines import usage_lines
from billing.selectors import spend_since, wallet_get
from catalog.selectors import catalog_list, docs_model
from gateway.convert import CONVERSIONS
from tokenoutput.worked_example import worked_example

LANDING_ROWS = 5
LATEST_ROWS = 8


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """What this is, what it costs, and a request that works."""
    rows = catalog_list(conversions=CONVERSIONS)
    context = {
        "rows": rows[:LANDING_ROWS],
        "models_count": len(rows),
        "model": docs_model(),
        "example": worked_example(rows),
    }
    return render(request, "site/landing.html", context)


@never_cache
@require_GET
@login_required
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """Am I fine today: balance, spend, latest requests; the first request where there is none yet."""
    access = access_get(request, slug=slug)
    organization_id = access.organization.id
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = usage_lines(organization_id=organization_id, limit=LATEST_ROWS)
    context = {
        "access": access,
        "wallet": wallet_get(organization_id=organization_id),
        "spend_today_nanos": spend_since(organization_id=organization_id, since=midnight),
        "lines": lines,
        "keys": [] if lines else api_keys_list(organization_id=organization_id),
    }
    return render(request, "app/overview.html", context)
