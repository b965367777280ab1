"""Every address of the site with rubbish in its path, query and forms: a page with a sane answer, never a fault.

Addresses come from the URL conf, queries from links, filters and views, forms from the pages: new ones are found.
"""

import inspect
import re
from html.parser import HTMLParser
from itertools import cycle
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.services import api_key_create
from tests.tokenoutput.pages import PASSWORD, catalog_make, member, visitor

pytestmark = pytest.mark.django_db
SCRIPT = "\"'><script>alert(1)</script>"
# Values that a careless parser, query or page trips over.
RUBBISH = {
    "script": SCRIPT,
    "nul": "a\x00b",
    "long": "x" * 10_000,
    "rtl": "\u202e\u0645\u0631\u062d\u0628\u0627 🤖 \u200f",
    "number": "9" * 40,
    "negative": "-1",
    "nan": "NaN",
    "exponent": "1e999",
    "date": "9999-99-99T99:99",
    "uuid": "00000000-0000-0000-0000-00000000000z",
    "template": "{{ 7|add:7 }}%s%(a)s{0}",
    "surrogate": "%ED%A0%80",
}
NASTIEST = ("script", "nul", "number")
# Not the site's own pages: the admin is Django's, /api/v1 answers in JSON and is tried by its schema.
OTHERS = ("admin/", "api/", "stripe-simulator/", "webhooks/", "static/")
LEAVING = ("/accounts/logout/",)


class Forms(HTMLParser):
    """What a page asks for: its forms with their fields' values, and the names its links have in their queries."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, str, dict[str, str]]] = []
        self.names: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "form":
            self.forms.append((values.get("method", "get"), values.get("action") or "", {}))
        elif tag in {"input", "select", "textarea"} and values.get("name") and self.forms:
            self.forms[-1][2][values["name"]] = values.get("value") or ""
        elif tag == "a":
            self.names |= {name for name, _ in parse_qsl(urlsplit(values.get("href") or "").query)}


def patterns(resolver, prefix=""):
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, route)
        elif isinstance(entry, URLPattern) and not route.startswith(OTHERS):
            yield route, entry


def path_of(route, slug, value=None):
    """An address for a route: of the organisation, and with `value`, or something harmless, for the rest."""

    def fill(match):
        kind, name = match[1] or "str", match[2]
        if name == "slug" and kind == "slug" and route.startswith("app/"):
            return slug
        if kind == "int":
            return value if value and value.isdigit() else "0"
        if kind == "uuid":
            return "00000000-0000-0000-0000-000000000000"
        return value if value and kind in {"str", "path"} else "x"

    path = re.sub(r"<(?:(\w+):)?(\w+)>", fill, route)
    return "/" + re.sub(r"\(\?P<\w+>[^)]*\)|[\^$\\]", "x" if "(?P" in path else "", path)


@pytest.fixture
def host():
    """An owner whose names are all rubbish, with something on every page."""
    made = visitor()
    made.client.raise_request_exception = False
    member(made, role="developer")
    organization = made.organization
    api_key_create(organization_id=organization.id, name=SCRIPT, member_id=organization.member_id)
    made.client.post(made.path("settings"), {"name": SCRIPT})
    made.client.post(made.path("members"), {"email": "guest+<b>@example.com", "role": "viewer"})
    catalog_make()
    return made


def answers(client, method, path, data=None):
    """What is wrong with the answer, if anything. Nothing of it is kept."""
    with transaction.atomic():
        response = getattr(client, method)(path, data or {})
        transaction.set_rollback(True)
    if response.status_code >= 500:
        return f"{method} {path[:100]} {str(data)[:200]}: {response.status_code}"
    streamed = getattr(response, "streaming", False)
    body = b"".join(response.streaming_content) if streamed else response.content
    if response.headers.get("Content-Type", "").startswith("text/html") and b"<script>alert" in body:
        return f"{method} {path[:100]} {str(data)[:200]}: not escaped"
    return None


def pages(host):
    """Each address once, with the names its page, its links and its view know."""
    for route, entry in patterns(get_resolver()):
        path = path_of(route, host.organization.slug)
        response = host.client.get(path)
        assert response.status_code < 500, path
        if response.streaming or not response.headers.get("Content-Type", "").startswith("text/html"):
            found = Forms("")
        else:
            found = Forms(response.content.decode())
        module = inspect.getmodule(inspect.unwrap(entry.callback))
        source = inspect.getsource(module) if module and module.__file__ else ""
        names = set(re.findall(r'GET(?:\.get|\.getlist)?[(\[]"(\w+)"', source)) | found.names
        for method, _action, fields in found.forms:
            names |= set(fields) if method == "get" else set()
        yield path, names, found.forms


def each_alone(names):
    """Each name with one of the nastiest values, among harmless others: all names together have had every value."""
    return zip(sorted(names), cycle(RUBBISH[kind] for kind in NASTIEST), strict=False)


def test_no_page_trips_over_its_query(host):
    wrong = []
    for path, names, _forms in pages(host):
        kinds = RUBBISH if names else NASTIEST[:1]
        everything = names | {"page", "next", "q", "before", "after"}
        wrong += [answers(host.client, "get", path, dict.fromkeys(everything, RUBBISH[kind])) for kind in kinds]
        wrong += [answers(host.client, "get", path, {name: value}) for name, value in each_alone(names)]
    assert [one for one in wrong if one] == []


def test_no_form_trips_over_what_is_sent(host, settings):
    settings.ACCOUNT_RATE_LIMITS = False
    wrong = []
    seen = set()
    for path, _names, forms in pages(host):
        for method, action, fields in forms:
            target = action or path
            fields.pop("csrfmiddlewaretoken", None)
            if method != "post" or not fields or target in LEAVING or (target, *fields) in seen:
                continue
            seen.add((target, *fields))
            sent = [dict.fromkeys(fields, value) for value in RUBBISH.values()]
            sent += [fields | {name: value} for name, value in each_alone(fields)]
            wrong += [answers(host.client, "post", target, data) for data in sent]
    assert len(seen) > 10
    assert [one for one in wrong if one] == []


def test_no_address_trips_over_its_path(host):
    values = ("9" * 40, "a%00b", "%3Cscript%3Ealert(1)%3C%2Fscript%3E", "x" * 3000, "%E2%80%AE", "..%2f..%2fetc")
    routes = [route for route, _entry in patterns(get_resolver()) if "<" in route]
    ours = {path_of(route, host.organization.slug, value) for route in routes for value in values}
    theirs = {path_of(route, value, value) for route in routes for value in values}
    wrong = [answers(host.client, "get", path) for path in sorted(ours | theirs)]
    assert [one for one in wrong if one] == []


@pytest.mark.parametrize("method", ["put", "patch", "delete", "trace"])
def test_methods_nobody_uses_are_refused(host, method):
    wrong = []
    for route, _entry in patterns(get_resolver()):
        path = path_of(route, host.organization.slug)
        status = getattr(host.client, method)(path).status_code
        if status >= 500 or (status < 400 and not route.startswith("accounts/")):
            wrong.append((path, status))
    assert wrong == []


ELSEWHERE = ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "http:evil.example"]


@pytest.mark.parametrize("place", ELSEWHERE)
def test_signing_in_leads_nowhere_else(place):
    cache.clear()  # Attempts are counted there.
    host = visitor()
    ways = [
        (Client(), "/accounts/login/", {"login": host.user.email, "password": PASSWORD}),
        (host.client, "/accounts/reauthenticate/", {"password": PASSWORD}),
        (host.client, "/accounts/logout/", {}),
        (Client(), "/accounts/signup/", {"email": "new@example.com", "password1": PASSWORD}),
    ]
    for client, path, data in ways:
        html = client.get(path, {"next": place}).content.decode()
        assert f'href="{place}' not in html
        response = client.post(f"{path}?next={place}", data | {"next": place})
        assert response.status_code in {200, 302, 403, 422}, path
        assert response.headers.get("Location", "/").startswith("/"), (path, response.headers["Location"])
        assert not response.headers.get("Location", "/").startswith(("//", "/\\")), path


def test_who_was_signed_out_over_a_form_is_told_what_to_do(host):
    address = reverse("alerts_test", args=[host.organization.slug])
    sent = Client().post(address)
    assert sent.headers["Location"] == f"/accounts/login/?next={address}"
    response = host.client.get(address)
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
    assert "send it again" in response.content.decode()
    assert not Client().get("/webhooks/stripe", headers={"Accept": "application/json"}).content


def test_a_form_without_its_mark_is_told_what_to_do():
    response = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "a@example.com"})
    assert response.status_code == 403
    assert "reload the page" in response.content.decode()


def test_whoever_tries_too_often_is_told_to_wait(client):
    cache.clear()
    answers = [
        client.post("/accounts/login/", {"login": "a@example.com", "password": "wrong wrong"}) for _ in range(12)
    ]
    told = [answer.content.decode() for answer in answers]
    assert "Too many" in told[-1]
    cache.clear()
