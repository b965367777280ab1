"""GET /models: for everybody, in OpenRouter's shape, and the same rows as the site's table."""

import re

import pytest
from django.conf import settings
from django.test import Client

from catalog.models import Model
from tests.tokenoutput.pages import catalog_make, catalog_only

pytestmark = pytest.mark.django_db
# What OpenRouter's clients read of a model.
OPENROUTER = {
    "id", "canonical_slug", "name", "created", "description", "context_length", "architecture", "pricing",
    "top_provider", "per_request_limits", "supported_parameters", "hugging_face_id",
}  # fmt: skip
QUERIES = [
    "", "q=model", "q=MODEL+long", "q=nothing-like-it", "sort=input", "sort=-input", "sort=output", "sort=-output",
    "sort=context", "sort=-context", "sort=newest", "sort=id", "sort=-id", "sort=cached", "sort=-cached",
    "sort=-max_output", "sort=nonsense", "free=on", "free=true", "max_price=0.05", "min_price=0.05",
    "max_output_price=0.2", "context=100000", "context=abc", "protocol=anthropic_messages", "protocol=openai_chat",
    "protocol=openai_responses", "protocol=bogus", "capability=tools", "capability=nonsense",
    "q=model&sort=-context&max_price=1", "supported_parameters=tools", "sort=pricing-low-to-high",
]  # fmt: skip


@pytest.fixture(autouse=True)
def catalog(db):
    catalog_make()
    catalog_only("small", "wide", "gift")
    Model.objects.filter(public_id="wide").update(capabilities=["tools", "image"])


def found(client, query=""):
    return client.get(f"/api/v1/models?{query}").json()


def test_a_model_has_what_openrouters_clients_read(client):
    answer = found(client)
    assert answer["total_count"] == 3
    assert answer["links"] == {"next": None}
    small = next(model for model in answer["data"] if model["id"] == "small")
    assert set(small) >= OPENROUTER
    assert small["pricing"]["prompt"] == "0.0000001"  # exact dollars per token, not 1e-07
    assert small["pricing"]["completion"] == "0.0000004"
    assert small["pricing"]["input_cache_write_1h"] == "0.0000002"
    assert small["top_provider"] == {"context_length": 8192, "max_completion_tokens": 2048, "is_moderated": False}
    wide = next(model for model in answer["data"] if model["id"] == "wide")
    assert wide["architecture"]["input_modalities"] == ["text", "image"]
    assert wide["architecture"]["modality"] == "text+image->text"
    assert {"tools", "tool_choice"} <= set(wide["supported_parameters"])
    assert wide["pricing_long_context"]["above_tokens"] == 256_000
    assert wide["pricing_long_context"]["completion"] == "0.0000008"
    gift = next(model for model in answer["data"] if model["id"] == "gift")
    assert gift["is_free"]
    assert gift["pricing"]["prompt"] == "0"


@pytest.mark.parametrize("query", QUERIES)
def test_html_and_json_show_the_same_models_in_the_same_order(client, query):
    ids = [model["id"] for model in found(client, query)["data"]]
    page = client.get(f"/models?{query}").content.decode()
    shown = list(dict.fromkeys(re.findall(r'href="/models/(small|wide|gift)"', page)))
    assert ids == shown
    assert client.get(f"/api/v1/models/count?{query}").json() == {"data": {"count": len(ids)}}


def test_pages_lead_from_one_to_the_next(client, settings):
    settings.SITE_URL = "https://api.example.test"
    seen, link = [], "/api/v1/models?limit=1&sort=id"
    for _ in range(3):
        answer = client.get(link).json()
        seen += [model["id"] for model in answer["data"]]
        link = (answer["links"]["next"] or "").removeprefix("https://api.example.test")
    assert seen == ["gift", "small", "wide"]
    assert link == ""


def test_an_id_may_hold_slashes(client):
    Model.objects.filter(public_id="small").update(public_id="house/small:free")
    assert client.get("/api/v1/models/house/small:free").json()["data"]["id"] == "house/small:free"
    assert client.get("/api/v1/models/house%2Fsmall:free").json()["data"]["id"] == "house/small:free"
    answer = client.get("/api/v1/models/house/none")
    assert answer.status_code == 404
    assert answer.json()["error"]["metadata"]["request_id"] == answer["X-Request-Id"]


def test_who_has_it_already_gets_304(client):
    first = client.get("/api/v1/models")
    assert first["Cache-Control"] == "public, max-age=60"
    again = client.get("/api/v1/models", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again["Access-Control-Allow-Origin"] == "*"
    Model.objects.filter(public_id="small").update(description="Another")
    assert client.get("/api/v1/models", headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_other_sites_may_read_it_and_nothing_else(client):
    assert client.get("/api/v1/models")["Access-Control-Allow-Origin"] == "*"
    preflight = client.options("/api/v1/models", headers={"Origin": "https://a.test"})
    assert preflight.status_code == 204
    assert "GET" in preflight["Access-Control-Allow-Methods"]


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_is_changed_here(client, method):
    answer = getattr(client, method)("/api/v1/models")
    assert answer.status_code == 405
    assert answer.json()["error"]["code"] == 405
    assert "GET" in answer["Allow"]


@pytest.mark.parametrize("path", ["", "nothing", "models/", "keys/x/y", "%00"])
@pytest.mark.parametrize("method", ["get", "post", "options"])
def test_unknown_paths_get_the_envelope(client, path, method):
    answer = getattr(client, method)(f"/api/v1/{path}")
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert error["code"] == 404
    assert error["metadata"] == {
        "reason": "not_found",
        "charged": False,
        "docs_url": f"{settings.SITE_URL}/docs/errors#not_found",
        "request_id": answer["X-Request-Id"],
    }


def test_an_accept_header_changes_nothing(client):
    for accept in ("text/html", "application/xml", "*/*", "rubbish"):
        answer = client.get("/api/v1/models", headers={"Accept": accept})
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert client.get("/api/v1/models?format=xml").status_code == 200


def test_a_fault_of_ours_is_an_envelope_too(monkeypatch):
    monkeypatch.setattr("tokenoutput.api.catalog.catalog_list", lambda **_: 1 / 0)
    answer = Client(raise_request_exception=False).get("/api/v1/models")
    assert answer.status_code == 500
    assert answer.json()["error"]["metadata"]["reason"] == "internal"
    assert "ZeroDivision" not in answer.content.decode()
