"""Public pages beside the main ones: one model, what changed, and the texts that machines read."""

import re
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from catalog.selectors import catalog_list
from gateway.convert import CONVERSIONS
from tokenoutput.documentation.contents import INDEX, PARTS, pages
from tokenoutput.documentation.legal import LEGAL

PAGES = ("landing", "models", "pricing", "status", "changelog")


@dataclass(frozen=True, slots=True)
class Release:
    """A heading of the changelog and what it lists; each line in parts, every second of which is code."""

    title: str
    lines: tuple[tuple[str, ...], ...]


@require_safe
def changelog(request: HttpRequest) -> HttpResponse:
    """What customers and operators notice, newest first."""
    return render(request, "site/changelog.html", {"releases": releases()})


@require_safe
def llms(request: HttpRequest) -> HttpResponse:
    """The site in short for coding agents, in Markdown (llmstxt.org)."""
    context = {
        "site_url": settings.SITE_URL,
        "rows": catalog_list(conversions=CONVERSIONS),
        "index": INDEX,
        "parts": PARTS,
        "legal": LEGAL,
    }
    return render(request, "site/llms.txt", context, content_type="text/plain; charset=utf-8")


@require_safe
def sitemap(request: HttpRequest) -> HttpResponse:
    """Every public page (sitemaps.org)."""
    paths = [*(reverse(name) for name in PAGES), *(page.url for page in pages())]
    paths += [reverse("legal", args=[page.slug]) for page in LEGAL]
    fixed = [(settings.SITE_URL + path, None) for path in paths]
    models = [
        (settings.SITE_URL + reverse("model", args=[row.public_id]), row.updated_at)
        for row in catalog_list(conversions=CONVERSIONS)
    ]
    return render(request, "site/sitemap.xml", {"urls": fixed + models}, content_type="application/xml")


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Crawlers find the public pages, and nothing that belongs to somebody."""
    return render(request, "site/robots.txt", {"site_url": settings.SITE_URL}, content_type="text/plain")


@cache
def releases() -> tuple[Release, ...]:
    """CHANGELOG.md: a heading each release, a bullet each change."""
    _, *sections = re.split(r"^## ", (settings.BASE_DIR / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    return tuple(_release(section) for section in sections)


def _release(section: str) -> Release:
    title, _, body = section.partition("\n")
    bullets = re.split(r"^- ", body, flags=re.MULTILINE)[1:]
    return Release(title, tuple(tuple(" ".join(bullet.split()).split("`")) for bullet in bullets))
