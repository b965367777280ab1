"""Status and one model's page: shares from usage records, words where there are none, and the database away."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection
from django.utils import timezone

from billing.attempts import Attempt, attempts_encode
from billing.traffic import Window, traffic_by_model
from catalog.models import Model, Price, Provider
from gateway.request_id import request_id_make
from tests.tokenoutput.pages import catalog_make, catalog_only
from tests.tokenoutput.test_pages import text_of

pytestmark = pytest.mark.django_db
_RECORD = """
    INSERT INTO usage_record (day, id, wallet_id, api_key_id, model_id, price_version_id, held_nanos, charge_nanos,
        started_at, created_at, first_content_ms, client_protocol, outcome, source, attempts)
    VALUES (%s, %s, 1, 1, %s, 1, 0, 0, %s, %s, %s, 'openai_chat', %s, 'none', %s)"""


@pytest.fixture(autouse=True)
def catalog():
    cache.clear()
    made = catalog_make()
    catalog_only("small", "wide", "gift")
    yield made
    cache.clear()


def ended(model_id, outcome, *reasons, ago=timedelta(0), first_content_ms=None):
    """A request that ended so long ago, after attempts that failed for `reasons`; its id says when it began."""
    attempts = attempts_encode([Attempt(1, "openai_chat", 400, reason, 0, 1) for reason in reasons])
    at = timezone.now() - ago
    tail = request_id_make().int & ((1 << 80) - 1)
    record_id = uuid4().__class__(int=(int(at.timestamp() * 1000) << 80) | tail)
    with connection.cursor() as cursor:
        day = at.astimezone(UTC).date()
        cursor.execute(_RECORD, [day, record_id, model_id, at, at, first_content_ms, outcome, attempts])


def test_without_traffic_it_says_so(client):
    text = text_of(client.get("/status"))
    assert "small no traffic no traffic no traffic no traffic" in text
    assert "no model shows trouble" in text or "does not work" in text


@pytest.mark.parametrize("reason", ["invalid", "too_large", "context", "client_gone"])
def test_what_a_customer_did_lowers_nobodys_share(client, catalog, reason):
    small = catalog["small"]
    ended(small, "completed", first_content_ms=200)
    for _ in range(9):
        ended(small, "void", reason)
        ended(small, "void", "upstream", reason)  # The provider before it failed; this one was asked in vain.
    assert traffic_by_model()[small].last_5m == Window(1, 1)
    assert "small answers 100.0 %" in text_of(client.get("/status"))


@pytest.mark.parametrize("reason", ["upstream", "upstream_timeout", "rate", "overloaded", "internal"])
def test_what_a_provider_did_lowers_its_models_share(client, catalog, reason):
    small = catalog["small"]
    ended(small, "completed", first_content_ms=200)
    ended(small, "void", "overloaded", reason)
    assert traffic_by_model()[small].last_5m == Window(2, 1)
    assert "small many fail 50.0 %" in text_of(client.get("/status"))


def test_shares_are_of_every_request_let_in(catalog):
    small = catalog["small"]
    for outcome in ("completed", "client_gone", "upstream_error", "void"):
        ended(small, outcome, first_content_ms=200)
    ended(small, "completed", ago=timedelta(minutes=10), first_content_ms=400)
    ended(small, "reaped", ago=timedelta(hours=3), first_content_ms=900)
    ended(small, "completed", ago=timedelta(hours=25), first_content_ms=9)
    found = traffic_by_model()[small]
    assert (found.last_5m, found.last_30m, found.last_24h) == (Window(4, 2), Window(5, 3), Window(6, 3))
    assert (found.first_content_30m_ms, found.first_content_24h_ms) == (200, 200)
    assert found.last_30m.percent == 60.0


def test_a_model_that_fails_is_named_and_its_provider_is_not(client, catalog):
    Provider.objects.update(name="Secret supplier")
    ended(catalog["small"], "void")
    ended(catalog["wide"], "completed", first_content_ms=1234)
    text = text_of(client.get("/status"))
    assert "small many fail 0.0 %" in text
    assert "wide answers 100.0 % 100.0 % 100.0 % 1,234 ms" in text
    assert "Secret supplier" not in text


def test_a_hundred_percent_means_all():
    assert Window(10_000, 9_999).percent == 99.9
    assert Window(3, 3).percent == 100.0
    assert Window(0, 0).percent is None


def test_it_is_worked_out_once_in_half_a_minute(client, django_assert_num_queries):
    client.get("/status")
    with django_assert_num_queries(1):  # Incidents: they are there at once.
        assert client.get("/status").status_code == 200


def test_without_the_database_it_says_that_it_is_us(client, monkeypatch, django_assert_num_queries):
    def away():
        raise OperationalError

    monkeypatch.setattr("tokenoutput.status_views.platform_state", away)
    response = client.get("/status")
    assert response.status_code == 503
    assert "our database does not answer" in text_of(response)


def test_one_model_page_has_everything(client, catalog):
    Provider.objects.update(public_name="House of models")
    ended(catalog["wide"], "completed", first_content_ms=321)
    price = Price.objects.get(model_id=catalog["wide"])
    price.pk, price.input_nanos, price.effective_from = None, 15 * 10**7, timezone.now()
    price.save()
    text = text_of(client.get("/models/wide"))
    for words in (
        "Name wide in your request",
        "1M 1,000,000 tokens",
        "Answered, 24 h 100.0 %",
        "321 ms median",
        "Above 256K input",
        "OpenAI Chat · OpenAI Responses · Anthropic Messages",
        "Served by House of models",
        '"model": "wide"',
        "in force $0.15 $0.40",
        "UTC $0.10 $0.40",
    ):
        assert words in text, words


def test_a_price_that_has_not_come_is_not_told(client, catalog):
    price = Price.objects.get(model_id=catalog["small"])
    price.pk, price.input_nanos, price.effective_from = None, 77 * 10**7, datetime(2999, 1, 1, tzinfo=UTC)
    price.save()
    assert "$0.77" not in text_of(client.get("/models/small"))


def test_a_model_has_a_markdown_twin(client):
    response = client.get("/models/wide.md")
    assert response["Content-Type"] == "text/markdown; charset=utf-8"
    text = response.content.decode()
    assert text.startswith("# wide\n")
    assert "| Above 256000 input tokens | $0.20 | $0.80 |" in text
    assert "Free." in client.get("/models/gift.md").content.decode()
    assert client.get("/models/no-such-model.md").status_code == 404
    assert client.get("/models.md?q=wide")["Location"] == "/docs/models.md?q=wide"


def test_an_embedding_model_shows_no_output(client):
    Model.objects.filter(public_id="small").update(capabilities=["embeddings"])
    text = text_of(client.get("/models/small"))
    assert "OpenAI Embeddings" in text
    assert "Output, at most" not in text
    assert "Try it" not in text
