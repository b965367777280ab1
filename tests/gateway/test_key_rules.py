"""What a key may not do is a 403 in the client's words that costs nothing; a rotated secret is good for its grace."""

from datetime import timedelta
from typing import Unpack

import pytest
from django.utils import timezone

from accounts.api_keys import ApiKeyChanges, api_key_disable, api_key_enable, api_key_rotate, api_key_update
from accounts.keys import management_key_make
from accounts.models import ApiKey
from tests.gateway.platform import wait_until
from tests.gateway.protocols import ANTHROPIC, HELLO, OPENAI, both
from tests.upstreams import scripts

ANTHROPIC_HEADERS = {"anthropic-version": "2023-06-01"}


@pytest.fixture
def model(gateway_server):
    return gateway_server.model(scripts.whole(OPENAI.answer()))


def ruled(customer, **changes: Unpack[ApiKeyChanges]):
    api_key_update(**which(customer), changes=changes)


def which(customer):
    return {"organization_id": customer.organization_id, "api_key_id": customer.api_key_id}


def status_of(client, model, headers=None):
    return client.post(OPENAI.path, json={"model": model.public_id, **OPENAI.body}, headers=headers).status_code


@both
def test_another_model_is_403(gateway_server, customer, model, protocol):
    ruled(customer, allowed_models=["some-other"])
    with gateway_server.client(customer) as client:
        refused = client.post(protocol.path, json={"model": model.public_id, **protocol.body})
    assert refused.status_code == 403
    expected = "invalid_request_error" if protocol is OPENAI else "permission_error"
    assert protocol.error_type(refused.json()) == expected
    error = refused.json()["error"]
    assert f"may not use the model `{model.public_id}`, but `some-other`." in error["message"]
    assert "Nothing was charged." in error["message"]
    page = error["metadata"]["manage_url"]
    assert page in error["message"] and page.endswith(ApiKey.objects.get(id=customer.api_key_id).public_hash)
    assert (error["metadata"]["reason"], error["metadata"]["charged"]) == ("key_models", False)
    customer.used_nothing()


def test_the_rule_holds_at_every_endpoint_and_lifts_at_once(gateway_server, customer, model):
    ruled(customer, allowed_models=["some-other"])
    bodies = {
        "/v1/responses": {"model": model.public_id, "input": "hello"},
        "/v1/embeddings": {"model": model.public_id, "input": "hello"},
        "/v1/messages/count_tokens": {"model": model.public_id, "messages": HELLO},
    }
    with gateway_server.client(customer) as client:
        assert {path: client.post(path, json=body).status_code for path, body in bodies.items()} == dict.fromkeys(
            bodies, 403
        )
        ruled(customer, allowed_models=[model.public_id])
        wait_until(lambda: status_of(client, model) == 200, "the key may use the model")


def test_the_list_has_only_what_the_key_may_use(gateway_server, customer, model):
    other = gateway_server.model(scripts.whole(OPENAI.answer()))
    ruled(customer, allowed_models=[model.public_id])
    with gateway_server.client(customer) as client:
        assert [one["id"] for one in client.get("/v1/models").json()["data"]] == [model.public_id]
        anthropic = client.get("/v1/models", headers=ANTHROPIC_HEADERS).json()
        assert [one["id"] for one in anthropic["data"]] == [model.public_id]
        assert client.get(f"/v1/models/{model.public_id}").status_code == 200
        assert client.get(f"/v1/models/{other.public_id}").status_code == 403
    with gateway_server.client() as visitor:
        listed = {one["id"] for one in visitor.get("/v1/models").json()["data"]}
    assert {model.public_id, other.public_id} <= listed


@both
def test_another_address_is_403(gateway_server, customer, model, protocol):
    ruled(customer, allowed_ips=["203.0.113.0/24"])
    with gateway_server.client(customer) as client:
        # Nobody behind no proxy is believed about where they are.
        headers = {"x-forwarded-for": "203.0.113.9"}
        refused = client.post(protocol.path, json={"model": model.public_id, **protocol.body}, headers=headers)
        assert refused.status_code == 403
        assert protocol.error_type(refused.json())
        error = refused.json()["error"]
        assert "may not be used from 127.0.0.1." in error["message"] and "Nothing was charged." in error["message"]
        assert error["metadata"]["reason"] == "key_addresses"
        assert client.get("/v1/models").status_code == 403
        ruled(customer, allowed_ips=["203.0.113.0/24", "127.0.0.0/8"])
        wait_until(lambda: client.get("/v1/models").status_code == 200, "the key is good from here")


def test_a_pace_of_its_own(gateway_server, customer, model):
    ruled(customer, requests_per_minute=2)
    with gateway_server.client(customer) as client:
        assert [status_of(client, model) for _ in range(3)] == [200, 200, 429]


def test_a_disabled_key_is_like_a_revoked_one_until_it_is_on_again(gateway_server, customer, model):
    with gateway_server.client(customer) as client:
        assert status_of(client, model) == 200
        api_key_disable(**which(customer))
        wait_until(lambda: status_of(client, model) == 401, "the key is off")
        api_key_enable(**which(customer))
        wait_until(lambda: status_of(client, model) == 200, "the key is on")


def test_a_rotated_secret_is_good_for_its_grace(gateway_server, customer, model):
    new = {"authorization": f"Bearer {api_key_rotate(**which(customer), grace_seconds=3600).secret}"}
    with gateway_server.client(customer) as client:
        assert [status_of(client, model), status_of(client, model, new)] == [200, 200]
        # The grace ends while the caller is remembered: nothing in the database changes at that moment.
        soon = timezone.now() + timedelta(seconds=0.5)
        ApiKey.objects.filter(id=customer.api_key_id).update(previous_valid_until=soon)
        wait_until(lambda: status_of(client, model) == 401, "the grace is over")
        assert timezone.now() >= soon
        assert status_of(client, model, new) == 200


def test_without_grace_the_old_secret_stops_at_once(gateway_server, customer, model):
    with gateway_server.client(customer) as client:
        assert status_of(client, model) == 200
        new = {"authorization": f"Bearer {api_key_rotate(**which(customer)).secret}"}
        assert status_of(client, model, new) == 200
        wait_until(lambda: status_of(client, model) == 401, "the old secret is refused")


@pytest.mark.parametrize("path", [OPENAI.path, ANTHROPIC.path, "/v1/messages/count_tokens", "/v1/models"])
def test_a_management_key_does_not_infer(gateway_server, path):
    secret = management_key_make().secret
    with gateway_server.client() as client:
        for headers in ({"authorization": f"Bearer {secret}"}, {"x-api-key": secret}):
            method = "GET" if path == "/v1/models" else "POST"
            refused = client.request(method, path, headers=headers)
            assert refused.status_code == 401
            assert "This is a management key" in refused.json()["error"]["message"]
