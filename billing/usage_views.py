"""The usage page: where the money and the tokens went, and when."""

from typing import cast
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.access import access_get
from accounts.zones import UTC_NAME, zone_of, zoned
from billing.csv_answer import Amount, csv_answer
from billing.request_forms import UsageForm
from billing.usage_report import group_names, usage_report
from billing.usage_series import GroupBy, usage_series
from catalog.money import nanos_to_usd


@never_cache
@require_GET
@login_required
@zoned
def usage(request: HttpRequest, slug: str) -> HttpResponse:
    """A chart and its table, today included."""
    access = access_get(request, slug=slug)
    form = UsageForm(request.GET)
    chosen, window = form.chosen(), form.window()
    report = usage_report(
        organization_id=access.organization.id,
        window=window,
        group_by=cast("GroupBy", chosen["group"]),
        metric=chosen["metric"],
    )
    asked = {name: str(value) for name, value in form.asked().items()}
    context = {
        "access": access,
        "form": UsageForm(initial=chosen | asked),
        "chosen": chosen,
        "window": window,
        "report": report,
        "query": urlencode(asked),
        "custom": "since" in asked or "until" in asked,
    }
    return render(request, "app/usage.html", context)


@never_cache
@require_GET
@login_required
@zoned
def usage_csv(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """Every bucket and group of the page as a file, exact amounts."""
    access = access_get(request, slug=slug)
    form = UsageForm(request.GET)
    window, group_by, zone = form.window(), cast("GroupBy", form.chosen()["group"]), zone_of(request)
    organization_id = access.organization.id
    cells = usage_series(
        organization_id=organization_id,
        since=window.since,
        until=window.until,
        bucket=window.bucket,
        group_by=group_by,
    )
    names = group_names(organization_id=organization_id, group_by=group_by, cells=cells)
    header = (
        f"{window.bucket}_utc" if str(zone) == UTC_NAME else f"{window.bucket} ({zone})",
        group_by,
        "requests",
        "input_tokens",
        "cached_tokens",
        "output_tokens",
        "paid_usd",
    )
    rows = (
        (
            cell.starts_at.astimezone(zone).isoformat(),
            names[cell.group],
            cell.requests,
            cell.input_tokens,
            cell.cached_tokens,
            cell.output_tokens,
            Amount(nanos_to_usd(cell.spend_nanos)),
        )
        for cell in cells
    )
    return csv_answer(request, name=f"usage-{slug}.csv", header=header, rows=rows)
