"""Feeds that a reader can follow: models and prices, and releases."""

from xml.etree import ElementTree

import pytest
from django.utils import timezone

from catalog.models import Price
from tests.tokenoutput.pages import catalog_make, catalog_only
from tests.tokenoutput.test_pages import text_of

pytestmark = pytest.mark.django_db
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(autouse=True)
def catalog(settings):
    settings.SITE_URL = "https://api.example.test"
    made = catalog_make()
    catalog_only("small", "wide", "gift")
    return made


def entries(client, path):
    response = client.get(path)
    assert response["Content-Type"] == "application/atom+xml; charset=utf-8"
    feed = ElementTree.fromstring(response.content)
    found = [{part.tag.removeprefix(ATOM): part for part in entry} for entry in feed.iter(f"{ATOM}entry")]
    assert len({entry["id"].text for entry in found}) == len(found)
    return found


def titles(client, path):
    return [entry["title"].text for entry in entries(client, path)]


def test_new_models_and_changed_prices_newest_first(client, catalog):
    assert sorted(titles(client, "/models.xml")) == ["gift is new", "small is new", "wide is new"]
    price = Price.objects.get(model_id=catalog["small"])
    price.pk, price.input_nanos, price.effective_from = None, 3 * 10**8, timezone.now()
    price.save()
    first = entries(client, "/models.xml")[0]
    assert first["title"].text == "small has a new price"
    assert first["content"].text == "$0.30 input, $0.40 output per million tokens. Small model for trying things out"
    assert first["link"].get("href") == "https://api.example.test/models/small"


def test_the_tables_filters_work_in_the_feed(client):
    assert titles(client, "/models.xml?free=on") == ["gift is new"]


def test_releases(client):
    assert titles(client, "/changelog.xml")[0].startswith("0.1.0")


@pytest.mark.parametrize(("page", "feed"), [("/models", "/models.xml"), ("/changelog", "/changelog.xml")])
def test_pages_name_their_feed(client, page, feed):
    assert 'type="application/atom+xml"' in client.get(page).content.decode()
    assert f'href="{feed}"' in client.get(page).content.decode()


def test_the_landing_page_shows_real_pieces_as_examples(client):
    text = text_of(client.get("/"))
    for words in (
        "$18.40 of $20.00 a month",
        "Example: a key on the keys page",
        "API key “ci-bot” has used 92 % of its spending limit",
        "Example: an alert's mail",
        "One request $0.00026",
        # 0.00026 a request, a thousand a day, 22 days.
        "A month with small $5.72",
    ):
        assert words in text, words
