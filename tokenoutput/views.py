"""Pages that join apps: the overview."""

from datetime import UTC, datetime

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.access import access_get
from billing.lines import usage_lines
from billing.selectors import spend_since, wallet_get
from tokenoutput.live.state import ROWS_MAX, request_url
from tokenoutput.overview import overview_get


@never_cache
@require_GET
@login_required
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """Am I fine today: balance, spend, latest requests; the first request where there is none yet."""
    access = access_get(request, slug=slug)
    organization_id = access.organization.id
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = usage_lines(organization_id=organization_id, limit=ROWS_MAX)
    wallet = wallet_get(organization_id=organization_id)
    # Nothing was ever asked: there is nothing to draw.
    insight = overview_get(organization_id=organization_id) if lines else None
    hours = insight.runway_hours(wallet.available_nanos) if insight else None
    context = {
        "access": access,
        "wallet": wallet,
        "insight": insight,
        "runway_hours": hours,
        "runway_days": hours // 24 if hours else None,
        "spend_today_nanos": spend_since(organization_id=organization_id, since=midnight),
        "lines": [(line, request_url(slug, line)) for line in lines],
        "rows_max": ROWS_MAX,
    }
    return render(request, "app/overview.html", context)
