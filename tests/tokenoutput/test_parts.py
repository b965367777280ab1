"""Parts of a page that a script asks for anew: as in the page, alone, for less, and 304 where nothing changed."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.models import Price
from tests.tokenoutput.pages import catalog_make, catalog_only

pytestmark = pytest.mark.django_db
# What each page shows of the catalog.
PRICED = {
    "/": ["landing-models", "landing-month"],
    "/pricing?model=small": ["pricing-example", "pricing-models", "estimate"],
    "/models/small": ["model-price", "model-history"],
    "/models?q=small": ["catalog"],
}


def ask(client, path, *parts, **headers):
    """The answer, and how many queries it took."""
    query = "&".join(f"part={part}" for part in parts)
    with CaptureQueriesContext(connection) as seen:
        answer = client.get(f"{path}{'&' if '?' in path else '?'}{query}", headers=headers)
    assert answer.status_code in {200, 304}
    return answer, len(seen)


def reprice(model_id, input_nanos):
    price = Price.objects.filter(model_id=model_id).latest("effective_from")
    price.pk, price.input_nanos, price.effective_from = None, input_nanos, timezone.now()
    price.save()


@pytest.mark.parametrize("path", PRICED)
def test_what_shows_prices_is_answered_alone_and_only_when_it_changed(client, path):
    ids = catalog_make()
    catalog_only("small", "wide", "gift")
    page, page_queries = ask(client, path)
    parts, queries = ask(client, path, *PRICED[path])
    html = parts.content.decode()
    assert "<html" not in html
    for name in PRICED[path]:
        alone, _ = ask(client, path, name)
        assert f'id="{name}"' in alone.content.decode()
        assert alone.content.decode().strip() in page.content.decode()
        assert alone.content.decode().strip() in html
    assert f'id="{PRICED[path][0]}"' in page.content.decode() and "data-live-notice" in page.content.decode()
    assert queries <= page_queries and (path != "/models/small" or queries <= page_queries - 2)
    assert ask(client, path, *PRICED[path], **{"If-None-Match": parts["ETag"]})[0].status_code == 304
    reprice(ids["small"], 7 * 10**9)
    changed, _ = ask(client, path, *PRICED[path], **{"If-None-Match": parts["ETag"]})
    assert "7.00" in changed.content.decode()


def test_what_is_no_part_gets_the_page(client):
    for name in ("nothing", "", "x#catalog", "../base.html"):
        assert "<html" in ask(client, "/models", name)[0].content.decode()
