"""Pages of requests: the list with its filters, its CSV, and one request in full."""

from collections.abc import Iterator
from datetime import tzinfo
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.access import access_get
from accounts.key_names import member_emails_of
from accounts.zones import UTC_NAME, zone_of, zoned
from billing.csv_answer import Amount, Cell, csv_answer
from billing.lines import UsageLine, lines_named
from billing.request_forms import RequestsForm
from billing.requests import RequestFilter, request_get, requests_page
from catalog.money import nanos_to_usd

PAGE_ROWS = 50
CSV_ROWS_MAX = 50_000
_CSV_PAGE_ROWS = 5_000
_CSV_TIME = "started_at_utc"
_CSV_HEADER = (
    "request_id", _CSV_TIME, "model", "api_key", "client_protocol", "outcome", "input_tokens",
    "cache_read_tokens", "cache_write_tokens", "output_tokens", "paid_usd", "first_content_ms", "duration_ms",
)  # fmt: skip


@never_cache
@require_GET
@login_required
@zoned
def requests(request: HttpRequest, slug: str) -> HttpResponse:
    """Every request that was metered, newest first, narrowed by what the query string says."""
    access = access_get(request, slug=slug)
    organization_id = access.organization.id
    form = RequestsForm(request.GET)
    request_id = form.request_id()
    if request_id and request_get(organization_id=organization_id, request_id=request_id):
        return redirect("request", slug=slug, request_id=request_id)
    before = _cursor(request.GET.get("before", ""))
    asked = {name: str(value) for name, value in form.asked().items()}
    # An id that is not one of theirs matches nothing.
    rows = (
        requests_page(
            organization_id=organization_id,
            only=form.only(organization_id=organization_id),
            before=before,
            limit=PAGE_ROWS + 1,
        )
        if "id" not in asked
        else []
    )
    lines = lines_named(organization_id=organization_id, rows=rows[:PAGE_ROWS])
    older = urlencode(asked | {"before": str(rows[PAGE_ROWS - 1].id)}) if len(rows) > PAGE_ROWS else ""
    context = {
        "access": access,
        "form": form,
        "lines": lines,
        "before": before,
        "older": older,
        "query": urlencode(asked),
        "filtered": bool(asked),
        "csv_rows_max": CSV_ROWS_MAX,
    }
    return render(request, "app/requests.html", context)


@never_cache
@require_GET
@login_required
@zoned
def requests_csv(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """The list with its present filters as a file, the newest `CSV_ROWS_MAX` of it."""
    access = access_get(request, slug=slug)
    only = RequestsForm(request.GET).only(organization_id=access.organization.id)
    zone = zone_of(request)
    header = [f"started_at ({zone})" if name == _CSV_TIME and str(zone) != UTC_NAME else name for name in _CSV_HEADER]
    rows = (_csv_row(line, zone) for line in _every_line(access.organization.id, only))
    return csv_answer(request, name=f"requests-{slug}.csv", header=header, rows=rows)


@never_cache
@require_GET
@login_required
@zoned
def request_page(request: HttpRequest, slug: str, request_id: UUID) -> HttpResponse:
    """One request: what became of it, what it cost and why, how long it took."""
    access = access_get(request, slug=slug)
    detail = request_get(organization_id=access.organization.id, request_id=request_id)
    if detail is None:
        raise Http404
    row = detail.row
    emails = member_emails_of(organization_id=access.organization.id, ids=[row.member_id or 0])
    context = {
        "access": access,
        "detail": detail,
        "row": row,
        "line": lines_named(organization_id=access.organization.id, rows=[row])[0],
        "member": emails.get(row.member_id or 0, ""),
        "after_first_ms": (row.duration_ms or 0) - (row.first_content_ms or 0),
        "tokens_per_second": _tokens_per_second(row.usage.output_tokens, row.first_content_ms, row.duration_ms),
    }
    return render(request, "app/request.html", context)


def _tokens_per_second(tokens: int, first_ms: int | None, all_ms: int | None) -> int | None:
    """How fast the answer came, from its first content on; None where that says nothing."""
    if not tokens or first_ms is None or all_ms is None or all_ms <= first_ms:
        return None
    return round(tokens * 1000 / (all_ms - first_ms))


def _every_line(organization_id: int, only: RequestFilter) -> Iterator[UsageLine]:
    before, left = None, CSV_ROWS_MAX
    while left:
        rows = requests_page(organization_id=organization_id, only=only, before=before, limit=min(left, _CSV_PAGE_ROWS))
        yield from lines_named(organization_id=organization_id, rows=rows)
        left -= len(rows)
        if len(rows) < _CSV_PAGE_ROWS:
            return
        before = rows[-1].id


def _csv_row(line: UsageLine, zone: tzinfo) -> tuple[Cell, ...]:
    row, usage = line.row, line.row.usage
    return (
        str(row.corrects_id or row.id),
        row.started_at.astimezone(zone).isoformat(),
        line.model,
        line.api_key,
        row.client_protocol,
        row.outcome,
        usage.input_tokens,
        usage.cache_read_tokens,
        usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
        usage.output_tokens,
        Amount(nanos_to_usd(row.charge_nanos - row.write_off_nanos)),
        row.first_content_ms,
        row.duration_ms,
    )


def _cursor(text: str) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404 from error
