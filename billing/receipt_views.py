"""Receipts: the list of payments with what went back of them, and a year of it as CSV."""

from collections.abc import Iterator
from datetime import UTC
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.access import access_get
from billing import stripe_mode
from billing.csv_answer import Amount, Cell, csv_answer
from billing.receipts import Receipt, RefundRow, receipt_years, receipts_of_year, receipts_page
from catalog.money import nanos_to_usd

PAGE_ROWS = 25
YEARS = range(2000, 2200)
_CSV_HEADER = ("date_utc", "number", "type", "reverses", "amount_usd", "tax_usd", "total_usd", "status")


@never_cache
@require_GET
@login_required
def receipts(request: HttpRequest, slug: str) -> HttpResponse:
    """One page of payments, newest first, of a year or of all."""
    access = access_get(request, slug=slug)
    organization_id = access.organization.id
    year, before = _year(request.GET.get("year", "")), _cursor(request.GET.get("before", ""))
    found = receipts_page(organization_id=organization_id, year=year, before=before, limit=PAGE_ROWS + 1)
    page = found[:PAGE_ROWS]
    context = {
        "access": access,
        "receipts": page,
        "years": receipt_years(organization_id=organization_id),
        "year": year,
        "before": before,
        "older": page[-1].payment.id if len(found) > PAGE_ROWS else None,
        "configured": stripe_mode.configured(),
    }
    return render(request, "app/receipts.html", context)


@require_GET
@login_required
def receipts_csv(request: HttpRequest, slug: str, year: int) -> StreamingHttpResponse:
    """What was paid in a year and what went back in it, in the order of time."""
    access = access_get(request, slug=slug)
    if year not in YEARS:
        raise Http404
    rows = receipts_of_year(organization_id=access.organization.id, year=year)
    return csv_answer(request, name=f"receipts-{slug}-{year}.csv", header=_CSV_HEADER, rows=_csv_rows(rows))


def _csv_rows(rows: Iterator[Receipt | RefundRow]) -> Iterator[list[Cell]]:
    for row in rows:
        if isinstance(row, RefundRow):
            moment, kind, reverses, status = row.created_at, "refund", row.payment_number, row.status
            amounts = (row.amount_nanos, row.tax_nanos, row.total_nanos)
        else:
            moment, kind, reverses, status = row.payment.created_at, "payment", "", row.payment.status
            amounts = (row.payment.amount_nanos, row.payment.tax_nanos, row.total_nanos)
        when = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        figures = [Amount(nanos_to_usd(nanos)) for nanos in amounts]
        yield [when, row.number, kind, reverses, *figures, status]


def _year(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) == 4 and int(text) in YEARS):
        raise Http404
    return int(text)


def _cursor(text: str) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404 from error
