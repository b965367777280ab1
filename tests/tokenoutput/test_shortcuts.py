"""Single keys can be switched off, by everybody who meets them (WCAG 2.1.4): the choice is in the first byte."""

import re

import pytest
from django.test import Client

from tests.tokenoutput.pages import catalog_make, visitor

pytestmark = pytest.mark.django_db
SCRIPT = "js/keyboard"


def has_them(client, page):
    html = client.get(page).content.decode()
    assert (SCRIPT in html) == ('id="shortcuts-help"' in html)
    return SCRIPT in html


def test_they_are_switched_off_and_on_again_on_ones_own_page():
    ada = visitor()
    assert has_them(ada.client, ada.path("keys"))
    assert re.search(r'value="on"\s+type="submit"\s+aria-pressed="true"', ada.client.get("/app/me").content.decode())
    response = ada.client.post("/shortcuts", {"shortcuts": "off", "next": "/app/me"})
    assert response.headers["Location"] == "/app/me"
    assert not has_them(ada.client, ada.path("keys"))
    assert "data-shortcuts" not in ada.client.get(ada.path("keys")).content.decode()
    assert re.search(r'value="off"\s+type="submit"\s+aria-pressed="true"', ada.client.get("/app/me").content.decode())
    ada.client.post("/shortcuts", {"shortcuts": "on", "next": "/app/me"})
    assert has_them(ada.client, ada.path("keys"))


def test_visitors_of_the_catalog_switch_them_off_without_signing_in():
    catalog_make()
    client = Client(enforce_csrf_checks=True)
    assert has_them(client, "/models")
    assert client.post("/shortcuts", {"shortcuts": "off", "next": "/models?q=small"}).headers["Location"] == (
        "/models?q=small"
    )
    assert not has_them(client, "/models")
    assert not has_them(client, "/pricing")


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_the_switch_leads_nowhere_else(client, back):
    assert client.post("/shortcuts", {"shortcuts": "off", "next": back}).headers["Location"] == "/"
    assert client.get("/shortcuts").status_code == 405


def test_each_page_they_lead_to_is_in_the_navigation():
    ada = visitor()
    html = ada.client.get(ada.path()).content.decode()
    led = dict(re.findall(r'<a href="([^"]+)"[^>]*data-go="(\w)"', html))
    assert led == {ada.path(): "o", ada.path("keys"): "k", ada.path("usage"): "u", ada.path("billing"): "b"}
