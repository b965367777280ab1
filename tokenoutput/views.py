"""Pages that join apps: the overview."""

from datetime import UTC, datetime
from functools import cache

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.access import access_get
from accounts.parts import page_or_parts
from accounts.zones import zone_of
from billing.lines import usage_lines
from billing.selectors import spend_since, wallet_get
from catalog.incidents import incidents_open
from tokenoutput.live.state import ROWS_MAX, request_url
from tokenoutput.overview import near_limits, overview_get


@never_cache
@require_GET
@login_required
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """Am I fine today: balance, spend, latest requests; the first request where there is none yet."""
    access = access_get(request, slug=slug)
    organization_id = access.organization.id
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = cache(lambda: usage_lines(organization_id=organization_id, limit=ROWS_MAX))
    wallet = cache(lambda: wallet_get(organization_id=organization_id))
    # Nothing was ever asked: there is nothing to draw.
    insight = cache(lambda: overview_get(organization_id=organization_id) if lines() else None)
    hours = cache(lambda: found.runway_hours(wallet().available_nanos) if (found := insight()) else None)
    context = {
        "access": access,
        "wallet": wallet,
        "near": cache(lambda: near_limits(organization_id=organization_id)),
        "insight": insight,
        "runway_hours": hours,
        "runway_days": lambda: (hours() or 0) // 24,
        "spend_today_nanos": lambda: spend_since(organization_id=organization_id, since=midnight),
        "lines": cache(lambda: [(line, request_url(slug, line)) for line in lines()]),
        "rows_max": ROWS_MAX,
        "incidents": incidents_open(),
        "zone": zone_of(request),
    }
    return page_or_parts(request, "app/overview.html", context)
