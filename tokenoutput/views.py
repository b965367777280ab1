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


@never_cache
@require_GET
@login_required
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """Am I fine today: balance, spend, latest requests; the first request where there is none yet."""
    access = access_get(request, slug=slug)
    organization_id = access.organization.id
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = usage_lines(organization_id=organization_id, limit=ROWS_MAX)
    context = {
        "access": access,
        "wallet": wallet_get(organization_id=organization_id),
        "spend_today_nanos": spend_since(organization_id=organization_id, since=midnight),
        "lines": [(line, request_url(slug, line)) for line in lines],
        "rows_max": ROWS_MAX,
    }
    return render(request, "app/overview.html", context)
