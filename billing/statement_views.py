"""The monthly usage statement: a page to print, and the same as CSV."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.access import access_get
from billing.csv_answer import Amount, Cell, csv_answer
from billing.monthly import MonthStatement, month_end, month_statement
from billing.profiles import profile_get
from catalog.money import nanos_to_usd

FIRST_YEAR = 2020
_CSV_HEADER = ("part", "name", "requests", "input_tokens", "cached_tokens", "output_tokens", "amount_usd")


@never_cache
@require_GET
@login_required
def statement(request: HttpRequest, slug: str, month: str) -> HttpResponse:
    """One month on one sheet."""
    access = access_get(request, slug=slug)
    found = _statement(access.organization.id, month)
    next_month = month_end(found.month)
    context = {
        "access": access,
        "statement": found,
        "last_day": next_month - timedelta(days=1),
        "previous_month": (found.month - timedelta(days=1)).replace(day=1),
        "next_month": next_month if found.is_over else None,
        "made_at": datetime.now(UTC),
        "profile": profile_get(organization_id=access.organization.id),
    }
    return render(request, "app/statement.html", context)


@require_GET
@login_required
def statement_csv(request: HttpRequest, slug: str, month: str) -> StreamingHttpResponse:
    """The figures of the sheet."""
    access = access_get(request, slug=slug)
    rows = _csv_rows(_statement(access.organization.id, month))
    return csv_answer(request, name=f"statement-{slug}-{month}.csv", header=_CSV_HEADER, rows=rows)


def _statement(organization_id: int, month: str) -> MonthStatement:
    today = datetime.now(UTC).date()
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError as error:
        raise Http404 from error
    if first.year < FIRST_YEAR or first > today or first.strftime("%Y-%m") != month:
        raise Http404
    return month_statement(organization_id=organization_id, month=first, today=today)


def _csv_rows(found: MonthStatement) -> Iterator[list[Cell]]:
    def balance(name: str, nanos: int) -> list[Cell]:
        return ["balance", name, None, None, None, None, Amount(nanos_to_usd(nanos))]

    yield balance("before", found.before_nanos)
    for kind, nanos in found.moves:
        yield balance(kind, nanos)
    yield balance("after", found.after_nanos)
    for part, lines in (("model", found.by_model), ("api_key", found.by_key)):
        for line in lines:
            amount = Amount(nanos_to_usd(line.charge_nanos))
            tokens: list[Cell] = [line.requests, line.input_tokens, line.cached_tokens, line.output_tokens]
            yield [part, line.name, *tokens, amount]
