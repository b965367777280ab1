"""The catalog's rows as HTML, each made once for as long as nothing in it changes: a thousand are a page."""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django import template
from django.http import QueryDict
from django.template import RequestContext
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, ngettext

from catalog.selectors import CatalogRow
from tokenoutput.catalog_filter import row_protocols
from tokenoutput.catalog_words import CAPABILITY_LABELS

register = template.Library()
CHANGED_FOR = timedelta(hours=24)
# Which way a first click sorts: people look for the longest context and the lowest price.
FIRST_WAY = {"context": "-context", "max_output": "-max_output"}


@register.simple_tag
def catalog_row(row: CatalogRow, name: str, new_ids: Collection[str] = ()) -> SafeString:
    """One line of the table; `name` begins the ids in it."""
    changed = _ago(row.price_changed_at)
    return _row_html(row, name, row.public_id in new_ids, changed, get_language() or "")


@register.simple_tag(takes_context=True)
def sort_link(context: RequestContext, column: str) -> dict[str, Any]:
    """Where a click on this column's name leads, and how the table is ordered by it now: "", ascending, descending."""
    present = context["sort"]
    first = FIRST_WAY.get(column, column)
    other = column if first.startswith("-") else f"-{column}"
    now = {column: "ascending", f"-{column}": "descending"}.get(present, "")
    query = QueryDict(context["query"], mutable=True)
    query["sort"] = other if present == first else first
    return {"url": f"?{query.urlencode()}", "now": now}


@lru_cache(maxsize=8192)
def _row_html(row: CatalogRow, name: str, new: bool, changed: str, language: str) -> SafeString:  # noqa: FBT001 -- part of the cache's key
    del language  # Part of the cache's key: what is rendered is in the language that is active.
    context = {
        "row": row,
        "id": f"{name}-{row.public_id}",
        "new": new,
        "changed": changed,
        "protocols": row_protocols(row),
        "capabilities": [label for word, label in CAPABILITY_LABELS if word in row.capabilities],
        "embeds": "embeddings" in row.capabilities,
    }
    return render_to_string("components/catalog_row.html", context)


def _ago(moment: datetime | None) -> str:
    """How long ago a price changed, in words; nothing after a day."""
    passed = timezone.now() - moment if moment else CHANGED_FOR
    if passed >= CHANGED_FOR:
        return ""
    minutes = int(passed.total_seconds() // 60)
    if minutes < 1:
        return gettext("just now")
    if minutes < 60:
        return ngettext("%(count)d min ago", "%(count)d min ago", minutes) % {"count": minutes}
    return ngettext("%(count)d h ago", "%(count)d h ago", minutes // 60) % {"count": minutes // 60}
