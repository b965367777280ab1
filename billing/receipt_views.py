"""Receipts: the list of payments with what went back of them, each on a page, and a year of them as a file."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.access import access_get
from billing import stripe_mode
from billing.csv_answer import csv_answer, file_answer
from billing.profiles import profile_get
from billing.receipt_documents import CSV_HEADER, csv_row, document_context, year_zip
from billing.receipts import receipt_get, receipt_years, receipts_of_year, receipts_page

PAGE_ROWS = 25
YEARS = range(2000, 2200)


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
        "profile": profile_get(organization_id=organization_id),
    }
    return render(request, "app/receipts.html", context)


@never_cache
@require_GET
@login_required
def receipt_page(request: HttpRequest, slug: str, topup_id: UUID) -> HttpResponse:
    """One receipt, to read and to print."""
    access = access_get(request, slug=slug)
    found = receipt_get(organization_id=access.organization.id, topup_id=topup_id)
    if found is None or found.payment.status != "paid":
        raise Http404
    context = {"access": access, "configured": stripe_mode.configured()}
    context |= document_context(found, organization=access.organization.name)
    return render(request, "app/receipt.html", context)


@require_GET
@login_required
def receipts_csv(request: HttpRequest, slug: str, year: int) -> StreamingHttpResponse:
    """What was paid in a year and what went back in it, in the order of time."""
    access = access_get(request, slug=slug)
    if year not in YEARS:
        raise Http404
    rows = receipts_of_year(organization_id=access.organization.id, year=year)
    return csv_answer(request, name=f"receipts-{slug}-{year}.csv", header=CSV_HEADER, rows=map(csv_row, rows))


@require_GET
@login_required
def receipts_zip(request: HttpRequest, slug: str, year: int) -> StreamingHttpResponse:
    """The same, with a document for each."""
    access = access_get(request, slug=slug)
    if year not in YEARS:
        raise Http404
    name = f"receipts-{slug}-{year}"
    rows = list(receipts_of_year(organization_id=access.organization.id, year=year))
    parts = year_zip(rows, name=name, organization=access.organization.name)
    return file_answer(request, name=f"{name}.zip", content_type="application/zip", parts=parts)


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
