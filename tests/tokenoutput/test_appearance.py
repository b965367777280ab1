"""The choice of colours, the page of one's own account, and forms that say what is wrong with them."""

import re

import pytest
from django.test import Client

from accounts.services import user_create
from tests.tokenoutput.pages import PASSWORD, visitor

pytestmark = pytest.mark.django_db


def test_the_colours_are_in_the_first_byte_until_the_system_decides_again(client):
    assert "data-theme" not in client.get("/").content.decode()
    response = client.post("/theme", {"theme": "dark", "next": "/pricing?cached=50"})
    assert response.headers["Location"] == "/pricing?cached=50"
    assert client.cookies["theme"]["samesite"] == "Lax"
    html = client.get("/accounts/login/").content.decode()
    assert re.search(r'<html lang="en"\s+data-theme="dark">', html)
    assert '<meta name="color-scheme" content="dark">' in html
    assert len(re.findall('aria-pressed="true"', html)) == 1
    client.post("/theme", {"theme": "system"})
    assert "data-theme" not in client.get("/").content.decode()


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"])
def test_the_switch_leads_nowhere_else(client, back):
    assert client.post("/theme", {"theme": "dark", "next": back}).headers["Location"] == "/"


def test_a_cookie_with_something_else_in_it_is_the_systems_choice(client):
    client.cookies["theme"] = '"><script>'
    assert "data-theme" not in client.get("/").content.decode()
    assert client.post("/theme", {"theme": '"><script>'}).cookies["theme"].value == ""
    assert client.get("/theme").status_code == 405


def test_the_switch_needs_no_cookie_of_its_own():
    client = Client(enforce_csrf_checks=True)
    assert client.get("/").cookies == {}
    assert client.post("/theme", {"theme": "dark"}).status_code == 302


def test_the_page_of_ones_own_account():
    host = visitor()
    html = host.client.get("/app/me").content.decode()
    assert host.user.email in html
    assert host.path() in html
    for url in re.findall(r'class="button button-small"\s+href="([^"]+)"', html):
        assert host.client.get(url).status_code in {200, 302}, url


def test_the_page_of_somebody_in_no_organisation(client):
    client.force_login(user_create(email="alone@example.com", password=None, verified=True))
    html = client.get("/app/me").content.decode()
    assert "/organizations/new" in html
    assert "/accounts/password/set/" in html
    assert Client().get("/app/me").headers["Location"] == "/accounts/login/?next=/app/me"


REFUSED = {
    "keys": {"name": ""},
    "members": {"email": "nobody", "role": "viewer"},
    "settings": {"name": ""},
    "alerts": {"emails": "nobody"},
}


def test_every_refused_form_sums_up_what_is_wrong():
    host = visitor()
    pages = {host.path(page): data for page, data in REFUSED.items()}
    pages["/organizations/new"] = {"name": ""}
    for path, data in pages.items():
        response = host.client.post(path, data)
        assert response.status_code == 422, path
        sums_up(response.content.decode(), path)


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"])
def test_every_refused_way_in_sums_up_what_is_wrong(client, path):
    data = {"email": "nobody", "login": "nobody", "password": PASSWORD, "password1": "short"}
    sums_up(client.post(path, data).content.decode(), path)


def sums_up(html, path):
    summary = re.search(r'<div class="notice notice-error form-errors".*?</div>', html, re.DOTALL)
    assert summary, path
    assert 'role="alert"' in summary[0]
    assert "autofocus" in summary[0]
    links = re.findall(r'href="#([^"]+)"', summary[0])
    assert links, path
    for name in links:
        field = re.search(rf'<(?:input|select|textarea)[^>]*id="{name}"[^>]*>', html)
        assert field, (path, name)
        assert 'aria-invalid="true"' in field[0], (path, name)
        described = re.search(r'aria-describedby="([^"]+)"', field[0])
        assert described, (path, name)
        for one in described[1].split():
            assert f'id="{one}"' in html, (path, one)
