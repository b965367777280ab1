"""The OpenAPI description: what is committed is what the code says, and each path in it is there."""

import json
import re
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import call_command

from gateway.app import ENDPOINTS
from tokenoutput.api.urls import urlpatterns

COMMITTED = settings.BASE_DIR / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def described():
    return json.loads(COMMITTED.read_text())


def test_the_committed_description_is_the_generated_one():
    out = StringIO()
    arguments = ["--validate", "--fail-on-warn", "--format", "openapi-json"]
    call_command("spectacular", *arguments, stdout=out)
    assert out.getvalue().rstrip() == COMMITTED.read_text().rstrip(), (
        "make it anew: manage.py spectacular " + " ".join(arguments) + " --file docs/openapi.json"
    )


def test_every_path_of_the_api_is_in_it(described):
    named = [entry for entry in urlpatterns if entry.name not in {None, "api_openapi"}]
    paths = {"/api/v1/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(entry.pattern)) for entry in named}
    assert paths == {path for path in described["paths"] if path.startswith("/api/")}


def test_the_inference_endpoints_are_in_it(described):
    assert set(ENDPOINTS) | {"/v1/models", "/v1/models/{id}"} == {
        path for path in described["paths"] if path.startswith("/v1/")
    }


def test_every_reference_leads_somewhere(described):
    for reference in set(re.findall(r'"#/(components/[^"]+)"', json.dumps(described))):
        place = described
        for step in reference.split("/"):
            place = place[step]


def test_every_operation_says_who_may_call_it_and_what_errors_look_like(described):
    for path, methods in described["paths"].items():
        for name, operation in methods.items():
            assert operation["summary"], (path, name)
            assert operation["operationId"], (path, name)
            assert "default" in operation["responses"], (path, name)
    ids = [operation["operationId"] for methods in described["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids))


@pytest.mark.django_db
def test_it_is_served_with_our_address(client, settings):
    settings.SITE_URL = "https://api.example.test"
    answer = client.get("/api/v1/openapi.json")
    assert answer.json()["servers"] == [{"url": "https://api.example.test"}]
    assert answer["Access-Control-Allow-Origin"] == "*"
    root = client.get("/openapi.json")
    assert (root["Location"], root["Access-Control-Allow-Origin"]) == ("/api/v1/openapi.json", "*")
