"""The landing page: what this is, what it costs, and examples made of the pieces that customers really see."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.parts import page_or_parts
from billing.alert_texts import alert_text
from billing.limits import LimitView
from catalog.money import NANOS_PER_USD, nanos_to_usd
from catalog.selectors import CatalogRow, catalog_list, docs_model
from gateway.convert import CONVERSIONS
from tokenoutput.worked_example import INPUT_TOKENS, OUTPUT_TOKENS, Work, work_estimate, worked_example

ROWS = 5
WORK = Work(requests=1_000, input_tokens=INPUT_TOKENS, output_tokens=OUTPUT_TOKENS, cached_percent=0, days=22)
# A key's limit, as an example of one.
SPENT_NANOS, LIMIT_NANOS = 18_400_000_000, 20 * NANOS_PER_USD


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """Numbers are of the catalog, or of an example that says it is one."""
    rows = catalog_list(conversions=CONVERSIONS)
    example = worked_example(rows)
    resets_at = _next_month(datetime.now(UTC))
    context = {
        "rows": rows[:ROWS],
        "models_count": len(rows),
        "model": docs_model,
        "example": example,
        "work": WORK,
        "month": _month(rows, example.public_id) if example else None,
        "limit_list": [_limit(resets_at)],
        "mail": _mail(resets_at),
    }
    return page_or_parts(request, "site/landing.html", context, is_public=True)


def _month(rows: list[CatalogRow], public_id: str) -> Any:
    row = next(row for row in rows if row.public_id == public_id)
    return work_estimate(row, WORK, balance_nanos=0)


def _limit(resets_at: datetime) -> LimitView:
    return LimitView(
        id=0,
        api_key_id=0,
        member_id=None,
        period="monthly",
        amount_nanos=LIMIT_NANOS,
        held_nanos=0,
        resets_at=resets_at,
        spent_nanos=SPENT_NANOS,
    )


def _mail(resets_at: datetime) -> Any:
    """The words of the mail that such a key's owner gets."""
    facts = {
        "of": "API key",
        "name": "ci-bot",
        "percent": str(SPENT_NANOS * 100 // LIMIT_NANOS),
        "spent_usd": nanos_to_usd(SPENT_NANOS),
        "limit_usd": nanos_to_usd(LIMIT_NANOS),
        "left_usd": nanos_to_usd(LIMIT_NANOS - SPENT_NANOS),
        "period": "monthly",
        "resets_at": resets_at.isoformat(),
    }
    return alert_text(kind="key_limit", level=80, facts=facts)


def _next_month(now: datetime) -> datetime:
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)
