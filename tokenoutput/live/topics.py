"""What a socket may follow, and whether the page that opens it may: path, Origin and session."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

import anyio
from anyio import to_thread
from django.conf import settings
from django.db import connection
from django.http.request import split_domain_port, validate_host

from accounts.selectors import OrganizationView
from accounts.session_access import Refusal, session_access
from accounts.zones import COOKIE, UTC_NAME, zone_named

_ORGANIZATION_PATH = re.compile(r"/ws/app/([-a-zA-Z0-9_]{1,100})/")
_CATALOG_PATH = "/ws/catalog"
_LOCAL_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
# So many sessions are looked at at once: sockets must not take the database away from pages.
THREADS = 2


@dataclass(frozen=True, slots=True)
class Topic:
    """One organisation's events, their times in one zone, or (without an organisation) the catalog's."""

    organization_id: int | None
    slug: str
    zone: str = UTC_NAME


CATALOG = Topic(organization_id=None, slug="")


def path_known(path: str) -> bool:
    """Whether there is a socket at this path at all."""
    return path == _CATALOG_PATH or _ORGANIZATION_PATH.fullmatch(path) is not None


def origin_allowed(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the page is one of ours: browsers send their cookies to a socket whoever opens it."""
    origin = headers.get(b"origin", b"").decode("latin-1").lower()
    host = headers.get(b"host", b"").decode("latin-1").lower()
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    allowed = settings.ALLOWED_HOSTS or (_LOCAL_HOSTS if settings.DEBUG else [])
    return bool(host) and validate_host(split_domain_port(host)[0], allowed) and urlsplit(origin).netloc == host


class Sessions:
    """Asks the database who a cookie stands for, a few at a time."""

    def __init__(self) -> None:
        self._limiter: anyio.CapacityLimiter | None = None

    async def topic(self, path: str, headers: Mapping[bytes, bytes]) -> Topic | Refusal:
        """What the socket at this path follows; why not."""
        match = _ORGANIZATION_PATH.fullmatch(path)
        if match is None:
            return CATALOG
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(THREADS)
        session_key = _cookie(headers, settings.SESSION_COOKIE_NAME)
        answer = await to_thread.run_sync(_access, session_key, match[1], limiter=self._limiter)
        if not isinstance(answer, OrganizationView):
            return answer
        return Topic(answer.id, answer.slug, zone_named(_cookie(headers, COOKIE)).key)


def _access(session_key: str, slug: str) -> OrganizationView | Refusal:
    try:
        return session_access(session_key=session_key, slug=slug)
    finally:
        connection.close()


def _cookie(headers: Mapping[bytes, bytes], name: str) -> str:
    try:
        cookies: SimpleCookie = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
    except CookieError:
        return ""
    morsel: Any = cookies.get(name)
    return morsel.value if morsel is not None else ""
