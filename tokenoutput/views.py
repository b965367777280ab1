"""Pages that join apps: landing, models, docs, overview."""

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
from tokenoutput.conversion_docs import FIELD_TABLES, STOP_TABLES
from tokenoutput.docs_tables import ALERT_EVENT, ERRORS_PROMISED, LIMIT_ERROR, PROTOCOL_MATRIX, errors_every
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


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The whole documentation on one page, with our address and a model of the catalog filled in."""
    rows = catalog_list(conversions=CONVERSIONS)
    asked = next((row for row in rows if row.public_id == request.GET.get("model")), None)
    speaks_anthropic = asked is not None and "anthropic_messages" in asked.protocols
    context = {
        "rows": rows,
        "model": asked.public_id if asked else docs_model(),
        "anthropic_model": asked.public_id if asked and speaks_anthropic else docs_model(protocol="anthropic_messages"),
        "limit_error": LIMIT_ERROR,
        "alert_event": ALERT_EVENT,
        "errors_promised": ERRORS_PROMISED,
        "errors": errors_every(),
        "protocol_matrix": PROTOCOL_MATRIX,
    }
    return render(request, "site/docs.html", context)


@require_safe
def docs_conversion(request: HttpRequest) -> HttpResponse:
    """What is carried, dropped and refused between protocols."""
    return render(request, "site/docs_conversion.html", {"field_tables": FIELD_TABLES, "stop_tables": STOP_TABLES})


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
