"""What came of a run: how it ended in one word, its tokens and its exact price, with the way to its row."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.requests import request_get
from tokenoutput.playground.answer import Failed, State

WORDS: Mapping[State, str | Promise] = {
    "answered": _("Answered"),
    "length": _("Ended at the maximum of output tokens"),
    "filtered": _("Ended by the provider's filter"),
    "cut": _("Cut off"),
    "refused": _("No answer"),
}


def figures_html(*, organization_id: int, slug: str, request_id: UUID) -> str:
    """Tokens, time, price; empty while nothing is on record: a request that runs, or one that was refused."""
    detail = request_get(organization_id=organization_id, request_id=request_id)
    if detail is None:
        return ""
    rows = (detail.row, *detail.corrections)
    context: dict[str, Any] = {
        "detail": detail,
        "slug": slug,
        "tokens_in": sum(row.usage.prompt_tokens for row in rows),
        "tokens_out": sum(row.usage.output_tokens for row in rows),
    }
    return render_to_string("components/playground_figures.html", context).strip()


def failure_html(failed: Failed) -> str:
    """The failure as a notice."""
    return render_to_string("components/playground_failure.html", {"failed": failed}).strip()
