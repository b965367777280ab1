"""Probes: alive is not ready, and ready says why not."""

import httpx
import pytest
from django.conf import settings

from tests.tokenoutput.served import FakeGateway
from tokenoutput import health
from tokenoutput.asgi import Application

pytestmark = pytest.mark.usefixtures("database")


async def no_site(scope, receive, send):
    raise AssertionError("a probe reached Django")


@pytest.fixture
def gateway():
    return FakeGateway()


@pytest.fixture
async def client(gateway):
    transport = httpx.ASGITransport(Application(gateway=gateway, site=no_site))
    async with httpx.AsyncClient(transport=transport, base_url="http://anything.example") as one:
        yield one


async def test_ready_on_any_host_name(client):
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["cache-control"] == "no-store"


async def test_every_reason_is_named(client, gateway, monkeypatch):
    gateway.draining, gateway.ready = True, False
    monkeypatch.setitem(settings.DATABASES["default"], "HOST", "/nowhere")
    answer = await client.get("/readyz")
    reasons = ["draining", "gateway_not_ready", "database_unreachable"]
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable", "reasons": reasons})
    assert (await client.get("/healthz")).status_code == 200


async def test_the_database_is_asked_again_only_after_a_while(client, monkeypatch):
    assert (await client.get("/readyz")).status_code == 200
    with monkeypatch.context() as patched:
        patched.setitem(settings.DATABASES["default"], "HOST", "/nowhere")
        assert (await client.get("/readyz")).status_code == 200
        patched.setattr(health, "FRESH_SECONDS", 0.0)
        assert (await client.get("/readyz")).status_code == 503
    monkeypatch.setattr(health, "FRESH_SECONDS", 0.0)
    assert (await client.get("/readyz")).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_are_only_read(client, path):
    assert (await client.head(path)).status_code == 200
    refused = await client.post(path)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
