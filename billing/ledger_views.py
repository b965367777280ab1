"""The ledger: every line of the wallet in order, with the balance after it, on pages and as CSV."""

from collections.abc import Iterator
from datetime import UTC
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.access import access_get
from billing.csv_answer import Amount, Cell, csv_answer
from billing.statement import KINDS, StatementFilter, StatementLine, statement_get, statement_lines, statement_totals
from catalog.money import nanos_to_usd

PAGE_ROWS = 50
CURSOR_DIGITS_MAX = 18
_CSV_HEADER = ("time_utc", "type", "reason", "amount_usd", "balance_after_usd")
_NAMES = {
    "topup": _("Top-ups"),
    "usage": _("Usage"),
    "refund": _("Refunds"),
    "promo": _("Starter credit"),
    "goodwill": _("Goodwill"),
    "dispute": _("Disputes"),
    "reinstated": _("Disputes won"),
    "repayment": _("Debt repaid"),
    "expiry": _("Expired credit"),
    "correction": _("Corrections"),
}
_DAY = {"type": "date"}


class LedgerForm(forms.Form):
    """Which lines to show, all in the query string."""

    type = forms.ChoiceField(
        label=_("Type"), required=False, choices=[("", _("All")), *((kind, _NAMES[kind]) for kind in KINDS)]
    )
    first = forms.DateField(
        label=_("From (UTC)"), required=False, widget=forms.DateInput(attrs=_DAY, format="%Y-%m-%d")
    )
    last = forms.DateField(label=_("To (UTC)"), required=False, widget=forms.DateInput(attrs=_DAY, format="%Y-%m-%d"))

    def clean(self) -> None:
        """Days in order."""
        data = super().clean() or self.cleaned_data
        first, last = data.get("first"), data.get("last")
        if first and last and last < first:
            self.add_error("last", _("The last day is before the first."))

    @property
    def only(self) -> StatementFilter:
        """What was asked for; what could not be read counts for nothing."""
        data = self.cleaned_data
        return StatementFilter(data.get("type", ""), data.get("first"), data.get("last"))

    @property
    def query(self) -> str:
        """The same, for a link."""
        return urlencode({name: str(value) for name, value in self.cleaned_data.items() if value})


@never_cache
@require_GET
@login_required
def ledger(request: HttpRequest, slug: str) -> HttpResponse:
    """One page of lines, newest first."""
    access = access_get(request, slug=slug)
    form = LedgerForm(request.GET)
    valid = form.is_valid()
    organization_id = access.organization.id
    before = _cursor(request.GET.get("before", ""))
    statement = statement_get(organization_id=organization_id, only=form.only, before=before, limit=PAGE_ROWS + 1)
    lines = statement.lines[:PAGE_ROWS]
    context: dict[str, Any] = {
        "access": access,
        "form": form,
        "filtered": not form.only.is_empty,
        "query": form.query,
        "statement": statement,
        "totals": statement_totals(organization_id=organization_id, only=form.only),
        "lines": lines,
        "before": before,
        "older": lines[-1].id if len(statement.lines) > PAGE_ROWS else None,
        "last_line": lines[-1] if lines else None,
        "page_nanos": sum(line.amount_nanos for line in lines) - (0 if before else statement.unsettled_nanos),
    }
    return render(request, "app/ledger.html", context, status=200 if valid else 422)


@require_GET
@login_required
def ledger_csv(request: HttpRequest, slug: str) -> StreamingHttpResponse | HttpResponse:
    """The same lines, all of them."""
    access = access_get(request, slug=slug)
    form = LedgerForm(request.GET)
    if not form.is_valid():
        return HttpResponse(form.errors.as_text(), status=422, content_type="text/plain; charset=utf-8")
    lines = statement_lines(organization_id=access.organization.id, only=form.only)
    return csv_answer(request, name=f"ledger-{slug}.csv", header=_CSV_HEADER, rows=_csv_rows(lines))


def _csv_rows(lines: Iterator[StatementLine]) -> Iterator[list[Cell]]:
    for line in lines:
        yield [
            line.created_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
            line.kind,
            line.reason,
            Amount(nanos_to_usd(line.amount_nanos)),
            Amount(nanos_to_usd(line.balance_nanos)),
        ]


def _cursor(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= CURSOR_DIGITS_MAX):
        raise Http404
    return int(text)
