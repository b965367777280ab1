"""Pages of the catalog: the table with its filters, and one model."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.parts import page_or_parts
from catalog.history import price_history, public_providers
from catalog.selectors import CatalogRow, catalog_list
from gateway.convert import CONVERSIONS
from tokenoutput.catalog_filter import row_protocols
from tokenoutput.catalog_words import CAPABILITY_LABELS, PROTOCOL_LABELS
from tokenoutput.forms import CatalogFilterForm
from tokenoutput.status_views import status_now
from tokenoutput.worked_example import worked_example

NEW_FOR = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class QuickPick:
    """A question people ask, as a query string."""

    label: Any
    query: str


QUICK_PICKS = (
    QuickPick(_("Cheapest with tools"), "capability=tools&sort=input"),
    QuickPick(_("Longest context"), "sort=-context"),
    QuickPick(_("For Claude Code"), "protocol=anthropic_messages&capability=tools"),
    QuickPick(_("Reads images"), "capability=image"),
    QuickPick(_("Newest"), "sort=newest"),
)


@require_safe
def models(request: HttpRequest) -> HttpResponse:
    """The catalog table with search and filters in the query string."""
    rows = catalog_list(conversions=CONVERSIONS)
    form = CatalogFilterForm(request.GET)
    found = form.rows(rows)
    context = {
        "form": form,
        "rows": found,
        "rows_count": len(rows),
        "new_ids": new_ids(rows),
        "sort": form.asked.sort,
        "query": form.query(),
        "filtered": form.narrows,
        # Where nothing matches: without which one filter the most would.
        "relief": None if found else form.relief(rows),
        "quick_picks": QUICK_PICKS,
        "capabilities": lambda: _capabilities(form, rows),
    }
    return page_or_parts(request, "site/models.html", context, is_public=True)


@require_safe
def model(request: HttpRequest, public_id: str) -> HttpResponse:
    """All that is known of one model of the catalog."""
    return page_or_parts(request, "site/model.html", _model(public_id), is_public=True)


@require_safe
def models_markdown(request: HttpRequest) -> HttpResponse:
    """To the catalog's Markdown, a page of the documentation, with the same filter."""
    return redirect(reverse("docs_twin", args=["models"], query=request.GET))


@require_safe
def model_markdown(request: HttpRequest, public_id: str) -> HttpResponse:
    """The same in Markdown, for agents."""
    return render(request, "site/model.md", _model(public_id), content_type="text/markdown; charset=utf-8")


def _model(public_id: str) -> dict[str, Any]:
    row = next((row for row in catalog_list(conversions=CONVERSIONS) if row.public_id == public_id), None)
    if row is None:
        raise Http404
    embeds = "embeddings" in row.capabilities
    return {
        "row": row,
        "embeds": embeds,
        "rates": [row, row.long_context] if row.long_context else [row],
        "protocols": [label for name, label in PROTOCOL_LABELS if name in row_protocols(row)],
        "capabilities": [label for word, label in CAPABILITY_LABELS if word in row.capabilities],
        "example": worked_example([row]),
        "history": cache(lambda: price_history(public_id=public_id)),
        "providers": cache(lambda: public_providers(public_id=public_id)),
        "known": cache(lambda: next((model for model in status_now().models if model.public_id == public_id), None)),
        "group": "" if embeds else "first" if "openai_chat" in row.protocols else "anthropic",
    }


def new_ids(rows: Sequence[CatalogRow]) -> frozenset[str]:
    """Models of the last fortnight, unless that is all there is: where everything is new, nothing is."""
    since = timezone.now() - NEW_FOR
    fresh = frozenset(row.public_id for row in rows if row.created_at > since)
    return fresh if len(fresh) < len(rows) else frozenset()


def _capabilities(form: CatalogFilterForm, rows: list[CatalogRow]) -> list[tuple[str, Any]]:
    """What a model of the catalog can, or was asked to."""
    present = {word for row in rows for word in row.capabilities} | form.asked.capabilities
    return [(word, label) for word, label in CAPABILITY_LABELS if word in present]
