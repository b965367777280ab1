"""Feeds (Atom, RFC 4287): models that came or changed their price, releases, and incidents."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from catalog.incidents import IncidentView, incidents_recent
from catalog.selectors import CatalogRow, catalog_list
from catalog.templatetags.money import price
from gateway.convert import CONVERSIONS
from tokenoutput.forms import CatalogFilterForm
from tokenoutput.site_views import releases

ENTRIES = 100
ATOM = "application/atom+xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of news; `id` is its address for ever."""

    id: str
    url: str
    title: str
    text: str
    at: datetime


@require_safe
def models_feed(request: HttpRequest) -> HttpResponse:
    """New models and changed prices, newest first; the table's filters work here too."""
    rows = CatalogFilterForm(request.GET).rows(catalog_list(conversions=CONVERSIONS))
    entries = sorted((_news(row) for row in rows), key=lambda entry: entry.at, reverse=True)[:ENTRIES]
    return _feed(request, title=_("TokenOutput: models and prices"), page="models", entries=entries)


@require_safe
def changelog_feed(request: HttpRequest) -> HttpResponse:
    """Releases, newest first."""
    url = settings.SITE_URL + reverse("changelog")
    at = datetime.fromtimestamp((settings.BASE_DIR / "CHANGELOG.md").stat().st_mtime, UTC)
    entries = [
        Entry(
            id=f"{url}#{release.title.split(',')[0]}",
            url=url,
            title=release.title,
            text="\n".join("- " + "".join(line) for line in release.lines),
            at=at,
        )
        for release in releases()
    ]
    return _feed(request, title=_("TokenOutput: changelog"), page="changelog", entries=entries)


@require_safe
def status_feed(request: HttpRequest) -> HttpResponse:
    """Incidents, what was told of last at the top."""
    found = sorted(map(_incident, incidents_recent()), key=lambda entry: entry.at, reverse=True)[:ENTRIES]
    return _feed(request, title=_("TokenOutput: incidents"), page="status", entries=found)


def _incident(incident: IncidentView) -> Entry:
    url = f"{settings.SITE_URL}{reverse('status')}#incident-{incident.id}"
    told = [f"{update.at:%Y-%m-%d %H:%M} UTC: {update.text}" for update in incident.updates]
    affected = [_("All models")] if incident.all_models else [", ".join(incident.models)]
    text = "\n\n".join(filter(None, [incident.impact_name, *affected, *told]))
    return Entry(url, url, f"{incident.title} ({incident.state_name})", text, incident.changed_at)


def _news(row: CatalogRow) -> Entry:
    url = settings.SITE_URL + reverse("model", args=[row.public_id])
    at = row.price_changed_at or row.created_at
    what = _("%(id)s has a new price") if row.price_changed_at else _("%(id)s is new")
    prices = {"input": price(row.input_usd), "output": price(row.output_usd)}
    costs = _("Free.") if row.free else _("%(input)s input, %(output)s output per million tokens.") % prices
    about = row.description or row.display_name
    return Entry(f"{url}#{int(at.timestamp())}", url, what % {"id": row.public_id}, f"{costs} {about}".strip(), at)


def _feed(request: HttpRequest, *, title: str, page: str, entries: list[Entry]) -> HttpResponse:
    context = {
        "title": title,
        "self_url": settings.SITE_URL + request.get_full_path(),
        "page_url": settings.SITE_URL + reverse(page),
        "entries": entries,
        "updated": max((entry.at for entry in entries), default=datetime.fromtimestamp(0, UTC)),
    }
    return render(request, "site/feed.xml", context, content_type=ATOM)
