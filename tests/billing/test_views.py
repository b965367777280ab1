"""Usage by pages; payments have tests of their own."""

import re
from uuid import uuid4

import pytest

from accounts.services import api_key_create
from billing.selectors import usage_list, wallet_get
from tests.browser.ledger_rows import REQUESTS, usage_make
from tests.tokenoutput.pages import catalog_make, visitor

USD = 1_000_000_000


@pytest.fixture
def ada(db):
    return visitor()


@pytest.mark.parametrize(
    ("before", "status"), [("nonsense", 404), ("", 200), ("018f0000-0000-7000-8000-000000000000", 200)]
)
def test_a_cursor_is_an_id_or_nothing(ada, before, status):
    assert ada.client.get(ada.path("usage"), {"before": before}).status_code == status


def test_usage_is_read_page_by_page_each_request_once(database):
    name = uuid4().hex[:12]
    host = visitor(name)
    key = api_key_create(organization_id=host.organization.id, name="ci")
    model = f"small-{name}"
    model_id = catalog_make(suffix=f"-{name}")[model]
    wallet = wallet_get(organization_id=host.organization.id)
    usage_make(wallet_id=wallet.wallet_id, api_key_id=key.id, model_id=model_id, rounds=14)

    seen, query = [], ""
    while True:
        html = host.client.get(host.path("usage") + query).content.decode()
        seen += re.findall(r'<data value="([\d.]+)"', html)
        older = re.search(r'href="(\?before=[^"]+)"', html)
        if not older:
            break
        query = older[1]
    rows = usage_list(organization_id=host.organization.id, limit=100)
    assert len(rows) == len(seen) == 14 * len(REQUESTS)
    assert sorted(round(float(value) * USD) for value in seen) == sorted(row.charge_nanos for row in rows)
    for words in (model, "ci", "Client hung up", "Provider error", "96,000"):
        assert words in html, words
    overview = host.client.get(host.path()).content.decode()
    assert "Latest requests" in overview
    assert model in overview
