"""Is it us, a model or a provider: the platform's parts and each model's answers, from real traffic."""

from dataclasses import dataclass

import structlog
from django.core.cache import cache
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from billing.traffic import QUIET, Platform, Traffic, platform_state, traffic_by_model
from catalog.history import model_ids
from catalog.incidents import HISTORY_DAYS, incidents_recent
from catalog.selectors import catalog_list

log = structlog.get_logger(__name__)
FRESH_SECONDS = 30
KEPT_SECONDS = 120
GOOD_PERCENT, POOR_PERCENT = 99.0, 95.0


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A listed model and its traffic. `state` judges the last half hour: good, poor, bad or quiet."""

    public_id: str
    traffic: Traffic
    state: str


@dataclass(frozen=True, slots=True)
class Status:
    """All that the page shows."""

    platform: Platform
    models: list[ModelStatus]


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """Figures at most half a minute old, and incidents as they are. Without the database it says just that."""
    try:
        known, incidents = status_now(), incidents_recent()
    except (OperationalError, InterfaceError) as error:
        log.warning("status_without_database", reason=type(error).__name__)
        return render(request, "site/status_away.html", status=503)
    works = bool(known.platform.gateways) and known.platform.settles
    troubled = [model for model in known.models if model.state in ("poor", "bad")]
    context = {
        "known": known,
        "works": works,
        "troubled": troubled,
        "open": [one for one in incidents if one.is_open],
        "ended": [one for one in incidents if not one.is_open],
        "history_days": HISTORY_DAYS,
    }
    return render(request, "site/status.html", context)


def status_now() -> Status:
    """The present state, worked out by one caller in `FRESH_SECONDS`; who comes meanwhile gets the last one."""
    known: Status | None = cache.get("status")
    if known is None or cache.add("status-fresh", "yes", FRESH_SECONDS):
        known = _status()
        cache.set("status", known, KEPT_SECONDS)
        cache.set("status-fresh", "yes", FRESH_SECONDS)
    return known


def _status() -> Status:
    public_ids = [row.public_id for row in catalog_list()]
    ids = model_ids(public_ids=public_ids)
    traffic = traffic_by_model()
    found = ((public_id, traffic.get(ids.get(public_id, 0), QUIET)) for public_id in public_ids)
    return Status(platform_state(), [ModelStatus(name, one, state_of(one)) for name, one in found])


def state_of(traffic: Traffic) -> str:
    """In words what the last half hour's share says."""
    percent = traffic.last_30m.percent
    if percent is None:
        return "quiet"
    return "good" if percent >= GOOD_PERCENT else "poor" if percent >= POOR_PERCENT else "bad"
