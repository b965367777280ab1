"""Documentation pages, their Markdown twins, and the legal texts."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.safestring import mark_safe
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from tokenoutput.documentation.contents import INDEX, PARTS, Page, neighbours, page_get
from tokenoutput.documentation.legal import LEGAL, LegalPage
from tokenoutput.documentation.markdown import Document, document, twin_of
from tokenoutput.documentation.reader import choice_keep, reader_of
from tokenoutput.documentation.source import Catalog, around_gap, markdown_of, rendered

MARKDOWN = "text/markdown; charset=utf-8"


@require_safe
def docs_page(request: HttpRequest, slug: str = INDEX.slug) -> HttpResponse:
    """One page; as Markdown for those who ask for that."""
    page = _page(slug)
    response = _twin(request, page) if _wants_markdown(request) else _html(request, page)
    patch_vary_headers(response, ["Accept", "Cookie"])
    return response


@require_safe
def docs_twin(request: HttpRequest, slug: str) -> HttpResponse:
    """The same page as Markdown, for agents and for copying whole."""
    return _twin(request, _page(slug))


@require_safe
def legal_page(request: HttpRequest, slug: str) -> HttpResponse:
    """A legal text, with its date."""
    text = rendered(f"legal/{_legal(slug).slug}.md", {})
    if _wants_markdown(request):
        response = HttpResponse(twin_of(text, settings.SITE_URL), content_type=MARKDOWN)
    else:
        context = {"document": document(text, locale=get_language() or ""), "pages": LEGAL, "slug": slug}
        response = render(request, "site/legal.html", context)
    patch_vary_headers(response, ["Accept"])
    return response


@require_safe
def legal_twin(_request: HttpRequest, slug: str) -> HttpResponse:
    """A legal text as Markdown."""
    text = rendered(f"legal/{_legal(slug).slug}.md", {})
    return HttpResponse(twin_of(text, settings.SITE_URL), content_type=MARKDOWN)


def _page(slug: str) -> Page:
    page = page_get(slug)
    if page is None:
        raise Http404
    return page


def _legal(slug: str) -> LegalPage:
    page = next((page for page in LEGAL if page.slug == slug), None)
    if page is None:
        raise Http404
    return page


def _html(request: HttpRequest, page: Page) -> HttpResponse:
    reader = reader_of(request)
    catalog = Catalog(reader.model)
    text = markdown_of(f"docs/{page.slug}.md", catalog, twin=False)
    shown = document(text, language=reader.language, locale=get_language() or "")
    before, after = neighbours(page)
    context = {
        "page": page,
        "index": INDEX,
        "parts": PARTS,
        "document": shown,
        "content": _with_catalog(shown, catalog),
        "rows": [row for row in catalog.rows if "embeddings" not in row.capabilities],
        "model": catalog.models["openai"],
        "reader": reader,
        "start_url": reader.start_url(page=page.slug, model=catalog.models["openai"]),
        "before": before,
        "after": after,
        "twin": reverse("docs_twin", args=[page.slug]),
    }
    response = render(request, "site/docs.html", context)
    response["Link"] = f'<{context["twin"]}>; rel="alternate"; type="text/markdown"'
    choice_keep(request, response)
    return response


def _with_catalog(shown: Document, catalog: Catalog) -> str:
    parts = around_gap(shown.html)
    if len(parts) == 1:
        return shown.html
    name = "components/catalog_table.html" if catalog.rows else "components/catalog_empty.html"
    live = render_to_string(name, {"rows": catalog.rows, "name": "docs-model"})
    return mark_safe(live.join(parts))  # noqa: S308 -- two pieces of rendered HTML around a third


def _twin(request: HttpRequest, page: Page) -> HttpResponse:
    text = markdown_of(f"docs/{page.slug}.md", Catalog(request.GET.get("model")), twin=True)
    return HttpResponse(twin_of(text, settings.SITE_URL), content_type=MARKDOWN)


def _wants_markdown(request: HttpRequest) -> bool:
    """Only those who name it and do not like HTML better: browsers take anything."""
    return request.get_preferred_type(["text/html", "text/markdown"]) == "text/markdown"
