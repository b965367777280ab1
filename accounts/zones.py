"""The time zone in which somebody reads when requests were made: a cookie, else UTC. Money keeps to UTC."""

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, Concatenate
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

COOKIE = "zone"
UTC_NAME = "UTC"


@cache
def zone_names() -> frozenset[str]:
    """Every zone that may be chosen; UTC is what holds without a choice."""
    return frozenset(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))


def zone_of(request: HttpRequest) -> ZoneInfo:
    """What this browser has chosen."""
    return zone_named(request.COOKIES.get(COOKIE, ""))


def zone_named(name: str) -> ZoneInfo:
    """The zone of this name; UTC where there is none that may be chosen."""
    return ZoneInfo(name if name in zone_names() else UTC_NAME)


def zoned[**P, R: HttpResponseBase](
    view: Callable[Concatenate[HttpRequest, P], R],
) -> Callable[Concatenate[HttpRequest, P], R]:
    """The view with the visitor's zone as Django's current one: for its forms, its template and what it calls."""

    @wraps(view)
    def in_zone(request: HttpRequest, /, *arguments: P.args, **named: P.kwargs) -> R:
        with timezone.override(zone_of(request)):
            return view(request, *arguments, **named)

    return in_zone


def zone_label(name: str | None = None) -> str:
    """What a zone, the current one if none is named, is called on a page: “America/New York”."""
    return (name or timezone.get_current_timezone_name()).replace("_", " ")


def zone_choices() -> list[Any]:
    """For a select: UTC, then the zones by continent."""
    continents: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(zone_names()):
        continent, _, place = name.partition("/")
        continents.setdefault(continent, []).append((name, zone_label(place)))
    return [(UTC_NAME, UTC_NAME), *continents.items()]
