"""Parts of a page that a script asks for anew: as in the page, alone, for less, and 304 where nothing changed."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.api_keys import api_key_create
from billing.ledger import wallet_open
from billing.limits import limit_set
from billing.models import Topup
from catalog.models import Price
from tests.tokenoutput.pages import catalog_make, catalog_only, visitor

pytestmark = pytest.mark.django_db
USD = 10**9
# What each page shows of the catalog.
PRICED = {
    "/": ["landing-models", "landing-example", "landing-month"],
    "/pricing?model=small": ["pricing-example", "pricing-models", "estimate"],
    "/models/small": ["model-price", "model-history"],
    "/models?q=small": ["catalog"],
}


def ask(client, path, *parts, **headers):
    """The answer, and how many queries it took."""
    query = "&".join(f"part={part}" for part in parts)
    with CaptureQueriesContext(connection) as seen:
        answer = client.get(f"{path}{'&' if '?' in path else '?'}{query}", headers=headers)
    assert answer.status_code in {200, 302, 304}
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


def test_a_part_of_the_dashboard_costs_what_it_shows():
    catalog_make()
    ada = visitor()
    organization_id = ada.organization.id
    key = api_key_create(organization_id=organization_id, name="ci", member_id=ada.organization.member_id)
    limit_set(organization_id=organization_id, api_key_id=key.id, period="daily", amount_nanos=USD)
    wallet_id = wallet_open(organization_id=organization_id)
    topup = Topup.objects.create(wallet_id=wallet_id, kind="checkout", status="processing", amount_cents=2000).id
    pages = {
        "": {"near-limits": 5},
        "keys": {"keys-list": 1},
        f"keys/{key.public_hash}": {
            "key-head": 6, "key-rotated": 6, "key-limit": 2, "key-spending": 2, "key-rules": 5, "key-doings": 2,
        },
        "billing": {"payments-list": 1},
        f"billing/return?topup={topup}": {"payment-state": 1},
    }  # fmt: skip
    for path, parts in pages.items():
        page, page_queries = ask(ada.client, ada.path(path))
        for name, spared in parts.items():
            part, queries = ask(ada.client, ada.path(path), name)
            html = part.content.decode()
            assert f'id="{name}"' in html and "<html" not in html, name
            assert f'id="{name}"' in page.content.decode(), name
            assert queries <= page_queries - spared, (name, queries, page_queries)
    assert ask(Client(), ada.path("keys"), "keys-list")[0].status_code == 302
