"""The dashboard's navigation: who sees which pages, where one is, and an icon for each."""

import re
from pathlib import Path

import pytest

from tests.tokenoutput.pages import member, visitor
from tokenoutput.navigation import GROUPS

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
ENTRIES = [entry for group in GROUPS for entry in group.entries]


def navigation_of(response):
    html = response.content.decode()
    return html[html.index('id="app-menu"') : html.index("</nav>", html.index('id="app-menu"'))]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.url_name)
def test_each_page_is_reached_and_says_where_one_is(entry):
    host = visitor()
    links = dict(re.findall(r'href="([^"]+)"\s+(aria-current="page")?', navigation_of(host.client.get(host.path()))))
    urls = [url for url in links if url.startswith(host.path())]
    assert len(urls) == len(ENTRIES)
    url = urls[ENTRIES.index(entry)]
    response = host.client.get(url)
    assert response.status_code == 200
    assert response.resolver_match.url_name == entry.url_name
    here = re.findall(r'href="([^"]+)"\s+aria-current="page"', navigation_of(response))
    assert here == [url]


def test_nobody_is_led_to_a_page_that_refuses_them():
    host = visitor()
    other = member(host, role="viewer")
    navigation = navigation_of(other.client.get(host.path()))
    assert host.path("audit") not in navigation
    for url in re.findall(r'href="(/app/[^"]+)"', navigation):
        assert other.client.get(url).status_code == 200, url


def test_every_icon_is_drawn():
    drawn = set(re.findall(r'symbol id="([^"]+)"', (ROOT / "tokenoutput/static/img/icons.svg").read_text()))
    named = {entry.icon for entry in ENTRIES}
    for template in (ROOT / "templates").rglob("*.html"):
        named |= set(re.findall(r'components/icon\.html" with name="([^"]+)"', template.read_text()))
    assert named <= drawn
