"""The one source of a page: a Django template that gives Markdown, filled in with this site's address and models."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from django.conf import settings
from django.template import Context
from django.template.loader import get_template

from catalog.docs.registry import Speaks
from catalog.selectors import CatalogRow, catalog_list
from gateway.convert import CONVERSIONS
from tokenoutput.docs_tables import ALERT_EVENT, LIMIT_ERROR
from tokenoutput.documentation import tables

MODEL_PLACEHOLDER = "your-model-id"
# The paragraph that stands for the live table.
CATALOG_GAP = "CATALOG-TABLE"
_TABLES: dict[str, Callable[[], str]] = {
    "errors_promised": tables.errors_promised,
    "errors_overview": tables.errors_overview,
    "errors_sections": tables.errors_sections,
    "api_errors_overview": tables.api_errors_overview,
    "api_errors_sections": tables.api_errors_sections,
    "scopes": tables.scopes,
    "protocol_matrix": tables.protocol_matrix,
    "conversion_fields": tables.conversion_fields,
    "conversion_stops": tables.conversion_stops,
}


class Catalog:
    """The models that a reader's examples call; read once a page, and only where a page asks."""

    def __init__(self, asked: str | None) -> None:
        self._asked = asked

    @cached_property
    def rows(self) -> list[CatalogRow]:
        """Everything for sale."""
        return catalog_list(conversions=CONVERSIONS)

    @property
    def models(self) -> dict[Speaks, str]:
        """The model of each kind of sample: the one asked for where it answers, else the first that does."""
        return {
            "openai": self._first(lambda row: "openai_chat" in row.protocols),
            "anthropic": self._first(lambda row: "anthropic_messages" in row.protocols),
            "embeddings": self._first(lambda row: True, embeddings=True) if self.rows else MODEL_PLACEHOLDER,
        }

    def _first(self, suits: Callable[[CatalogRow], bool], *, embeddings: bool = False) -> str:
        rows = [row for row in self.rows if ("embeddings" in row.capabilities) == embeddings]
        fitting = [row.public_id for row in rows if suits(row)]
        both = [row.public_id for row in rows if len(row.protocols) > 1]
        preferred = [name for name in (self._asked, *both) if name in fitting]
        return next(iter([*preferred, *fitting, *(row.public_id for row in rows)]), MODEL_PLACEHOLDER)


def markdown_of(template: str, catalog: Catalog, *, twin: bool) -> str:
    """A page's Markdown; a twin carries the catalog as a table, a page the gap for the live one."""
    return rendered(
        template,
        {
            "models": catalog.models,
            "model": catalog.models["openai"],
            "gateway": settings.GATEWAY,
            "management_requests_per_minute": settings.MANAGEMENT_REQUESTS_PER_MINUTE,
            "connect_attempts_per_minute": settings.CONNECT_ATTEMPTS_PER_MINUTE,
            "limit_error": LIMIT_ERROR,
            "alert_event": ALERT_EVENT,
            "catalog_table": tables.catalog_table(catalog.rows) if twin else CATALOG_GAP,
            **_TABLES,
        },
    )


def rendered(template: str, values: dict[str, Any]) -> str:
    """A template's text as it is: Markdown is escaped when it becomes HTML, not before."""
    context = Context({"site_url": settings.SITE_URL, **values}, autoescape=False)
    text: str = get_template(template).template.render(context)  # type: ignore[attr-defined]  # Django's own backend
    return text


def around_gap(html: str) -> Sequence[str]:
    """What comes before the live table and after it; one part where a page has none."""
    return html.split(f"<p>{CATALOG_GAP}</p>\n", 1)
