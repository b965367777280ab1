"""Where a model is answered: names that customers may read, figures of real requests, at most half a minute old."""

import json
from datetime import UTC, timedelta
from uuid import UUID

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from accounts.api_keys import api_key_create
from catalog.models import Model, Provider, Route
from gateway.request_id import request_id_make
from tests.api.programs import Program, program
from tests.tokenoutput.pages import catalog_make, catalog_only, visitor

pytestmark = pytest.mark.django_db
OPENROUTER = {
    "name", "model_name", "context_length", "pricing", "provider_name", "tag", "quantization",
    "max_completion_tokens", "max_prompt_tokens", "supported_parameters", "status", "uptime_last_30m",
    "uptime_last_5m", "uptime_last_1d", "supports_implicit_caching", "latency_last_30m", "throughput_last_30m",
}  # fmt: skip
_REASONS = {400: "invalid", 429: "rate", 502: "upstream"}
_RECORD = """
    INSERT INTO usage_record (day, id, wallet_id, api_key_id, model_id, price_version_id, held_nanos, charge_nanos,
        started_at, created_at, first_content_ms, duration_ms, output_tokens, client_protocol, outcome, source,
        route_id, attempts)
    VALUES (%s, %s, 1, 1, %s, 1, 0, 0, %s, %s, %s, %s, %s, 'openai_chat', %s, 'none', %s, %s)"""


@pytest.fixture(autouse=True)
def catalog():
    cache.clear()
    made = catalog_make()
    catalog_only("small", "wide", "gift")
    yield made
    cache.clear()


@pytest.fixture
def routes(catalog):
    """The two routes of the small model, the first one first."""
    return list(Route.objects.filter(model_id=catalog["small"]).order_by("priority", "id").values_list("id", flat=True))


def ended(route_id, outcome="completed", *, ago=timedelta(0), first_ms=100, tokens=50, failed=()):
    """A request that ended so long ago, half a second after its first content, and routes that failed before it."""
    at = timezone.now() - ago
    record_id = UUID(int=(int(at.timestamp() * 1000) << 80) | (request_id_make().int & ((1 << 80) - 1)))
    tried = [{"route_id": one, "protocol": "openai_chat", "status": status, "reason": _REASONS[status], "started_ms": 0,
              "duration_ms": 1} for one, status in failed]  # fmt: skip
    model_id = Model.objects.get(public_id="small").id
    values = [at.astimezone(UTC).date(), record_id, model_id, at, at, first_ms, (first_ms or 0) + 500, tokens, outcome]
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, [*values, route_id, json.dumps(tried) if tried else None])


def endpoints(client, model="small"):
    answer = client.get(f"/api/v1/models/{model}/endpoints")
    assert answer.status_code == 200, answer.content
    return answer.json()["data"]["endpoints"]


def test_a_model_leads_to_its_endpoints(client, routes):
    Model.objects.filter(public_id="small").update(public_id="house/small:free")
    details = client.get("/api/v1/models/house/small:free").json()["data"]["links"]["details"]
    assert client.get("/api/v1/model/house/small:free").json()["data"]["links"]["details"] == details
    found = client.get(details).json()["data"]
    assert (found["id"], found["architecture"]["modality"]) == ("house/small:free", "text->text")
    first, second = found["endpoints"]
    assert set(first) >= OPENROUTER
    assert first["pricing"]["prompt"] == "0.0000001"
    assert (first["context_length"], first["max_completion_tokens"]) == (8192, 2048)
    assert [first["protocol"], second["protocol"]] == ["openai_chat", "anthropic_messages"]
    assert client.get("/api/v1/models/none/endpoints").status_code == 404


def test_without_traffic_nothing_is_claimed(client):
    for one in endpoints(client):
        assert [one[f"uptime_last_{span}"] for span in ("5m", "30m", "1d")] == [None, None, None]
        assert (one["latency_last_30m"], one["throughput_last_30m"]) == (None, None)
        assert (one["status"], one["state"]) == (0, "quiet")


def test_figures_are_of_real_requests(client, routes):
    first, second = routes
    for first_ms in range(1, 101):
        ended(second, first_ms=first_ms, failed=[(first, 502)] if first_ms == 1 else ())
    ended(second, "upstream_error", ago=timedelta(minutes=10), first_ms=100)
    ended(second, "client_gone", ago=timedelta(hours=3), first_ms=9999)
    ended(second, ago=timedelta(hours=25))
    ended(None, "void", failed=[(first, 400), (first, 429)], first_ms=None)
    ended(first)
    failing, good = endpoints(client)
    assert (good["uptime_last_5m"], good["uptime_last_30m"], good["uptime_last_1d"]) == (100.0, 99.0, 99.0)
    assert (good["status"], good["state"]) == (0, "good")
    assert good["latency_last_30m"] == {"p50": 51, "p75": 76, "p90": 91, "p99": 100}
    assert good["throughput_last_30m"] == dict.fromkeys(("p50", "p75", "p90", "p99"), 100.0)
    # One answer, two failures; what was refused as wrong is nobody's fault.
    assert (failing["uptime_last_5m"], failing["status"], failing["state"]) == (33.3, -2, "bad")


def test_a_provider_is_named_only_where_staff_gave_a_public_name(client, routes):
    Provider.objects.update(name="Secret supplier")
    answer = client.get("/api/v1/models/small/endpoints").content.decode()
    assert "Secret supplier" not in answer
    assert [one["provider_name"] for one in endpoints(client)] == ["Provider 1", "Provider 1"]
    assert client.get("/api/v1/providers").json() == {"data": []}
    Provider.objects.update(public_name="House of Models")
    assert [(one["name"], one["slug"]) for one in client.get("/api/v1/providers").json()["data"]] == [
        ("House of Models", "house-of-models")
    ]
    assert {one["tag"] for one in endpoints(client)} == {
        "house-of-models/openai_chat", "house-of-models/anthropic_messages",
    }  # fmt: skip
    Route.objects.filter(id=routes[0]).update(enabled=False)
    assert [one["protocol"] for one in endpoints(client)] == ["anthropic_messages"]


def test_it_is_counted_once_in_half_a_minute(client, routes, django_assert_num_queries):
    assert endpoints(client)[0]["uptime_last_5m"] is None
    ended(routes[0])
    with django_assert_num_queries(4):  # the catalog's three and the endpoints' one
        assert endpoints(client)[0]["uptime_last_5m"] is None
    cache.clear()
    assert endpoints(client)[0]["uptime_last_5m"] == 100.0


def test_a_key_sees_the_models_it_may_use(client):
    ada = visitor()
    made = api_key_create(
        organization_id=ada.organization.id, name="few", rules={"allowed_models": ["small", "gift", "gone"]}
    )
    few = Program(made.secret)
    assert [model["id"] for model in few.data("models/user?sort=id")] == ["gift", "small"]
    assert few.get("models/user?q=gift").json()["total_count"] == 1
    every = api_key_create(organization_id=ada.organization.id, name="every")
    assert len(Program(every.secret).data("models/user")) == 3
    assert len(program(ada, "usage:read").data("models/user")) == 3
    assert client.get("/api/v1/models/user").status_code == 401
