"""Every error tells where to read more, and where a person can change what stood in the way."""

import json
import re
from functools import cache
from typing import Any

import anthropic
import openai
import pytest
from django.conf import settings
from django.test import Client

from accounts.api_keys import api_key_update
from accounts.models import ApiKey, Membership
from accounts.services import api_key_create
from billing.budgets import budgets_set
from billing.limits import limit_set
from gateway.app import ENDPOINTS
from gateway.errors import DETAILS, Reason
from tests.gateway.platform import Customer
from tests.gateway.protocols import ANTHROPIC, HELLO, OPENAI, both
from tests.upstreams import scripts

CENT = 10_000_000
BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": HELLO},
    "/v1/responses": {"input": "hello"},
    "/v1/embeddings": {"input": "hello"},
    "/v1/messages": {"messages": HELLO, "max_tokens": 500},
    "/v1/messages/count_tokens": {"messages": HELLO},
}


@cache
def anchors() -> set[str]:
    """What can be linked to on the errors page."""
    return set(re.findall(r'<h\d id="([\w-]+)"', Client().get("/docs/errors").content.decode()))


def link_of(answer) -> str:
    """The anchor that an error names, after checking that the page has it and that the body says the usual."""
    metadata = answer.json()["error"]["metadata"]
    assert (metadata["charged"], metadata["request_id"]) == (False, answer.headers["x-request-id"])
    page, _, anchor = metadata["docs_url"].partition("#")
    assert page == f"{settings.SITE_URL}/docs/errors"
    assert anchor in anchors()
    return str(anchor)


def page_of(answer) -> str:
    """The dashboard's page that an error names; it is there, and shows what it should to the owner."""
    url = str(answer.json()["error"]["metadata"]["manage_url"])
    assert url.startswith(f"{settings.SITE_URL}/app/")
    path, _, anchor = url.removeprefix(settings.SITE_URL).partition("#")
    member = Membership.objects.select_related("user").get(organization__slug=path.split("/")[2])
    browser = Client()
    browser.force_login(member.user)
    shown = browser.get(path)
    assert shown.status_code == 200
    assert f'id="{anchor}"' in shown.content.decode() or not anchor
    return path + (f"#{anchor}" if anchor else "")


def test_the_page_has_a_section_for_every_code_and_detail(gateway_server):
    assert {reason.value.anchor for reason in Reason} | set(DETAILS) <= anchors()


def test_every_endpoint_tells_where_to_read_more(gateway_server, customer):
    with gateway_server.client(customer) as client, gateway_server.client() as stranger:
        for path, body in BODIES.items():
            assert link_of(stranger.post(path, json=body)) == "invalid_api_key"
            assert link_of(client.post(path, json={"model": "no-such", **body})) == "model_not_found"
            assert link_of(client.post(path, json={"model": 7})) == "invalid_request"
            assert link_of(client.get(path)) == "method_not_allowed"
        assert link_of(client.get("/v1/nothing")) == "not_found"
        assert link_of(client.get("/v1/models/no-such", headers={"anthropic-version": "2023-06-01"})) == "not_found"
    assert set(BODIES) == set(ENDPOINTS)


@both
def test_money_errors_lead_to_the_page_where_it_is_changed(gateway_server, protocol):
    customer = gateway_server.customer()
    model = gateway_server.model(scripts.whole(protocol.answer()), protocol=protocol.name)
    member = Membership.objects.select_related("organization").get(organization_id=customer.organization_id)
    home = f"/app/{member.organization.slug}"
    key = ApiKey.objects.get(id=customer.api_key_id)
    organization = {"organization_id": customer.organization_id}
    members = api_key_create(**organization, name="a member's", member_id=member.id)
    theirs = Customer(customer.organization_id, members.id, members.secret)

    def refused(who: Customer, **more):
        with gateway_server.client(who) as client:
            answer = client.post(protocol.path, json={"model": model.public_id, **protocol.body, **more})
        assert answer.status_code == 402
        return link_of(answer), page_of(answer)

    anchor, page = refused(gateway_server.customer(credit="0.01"), max_tokens=8000)
    assert (anchor, page.endswith("/billing#topup")) == ("insufficient_balance", True)
    limit_set(**organization, member_id=member.id, period="daily", amount_nanos=CENT)
    assert refused(theirs, max_tokens=8000) == ("member_limit", f"{home}/members")
    limit_set(**organization, api_key_id=customer.api_key_id, period="daily", amount_nanos=CENT)
    assert refused(customer, max_tokens=8000) == ("key_limit", f"{home}/keys/{key.public_hash}")
    budgets_set(**organization, amounts_nanos={"monthly": CENT})
    other = api_key_create(**organization, name="without a limit")
    budgeted = refused(Customer(customer.organization_id, other.id, other.secret), max_tokens=8000)
    assert budgeted == ("organization_budget", f"{home}/billing#budgets")


def test_what_a_key_may_not_do_leads_to_the_key(gateway_server, customer):
    model = gateway_server.model(scripts.whole(OPENAI.answer()))
    which = {"organization_id": customer.organization_id, "api_key_id": customer.api_key_id}
    page = f"/keys/{ApiKey.objects.get(id=customer.api_key_id).public_hash}"
    body = {"model": model.public_id, **OPENAI.body}
    for changes, anchor in (
        ({"allowed_models": ["some-other"]}, "key_models"),
        ({"allowed_ips": ["203.0.113.0/24"]}, "key_addresses"),
    ):
        api_key_update(**which, changes=changes)  # type: ignore[arg-type]  # one field each
        with gateway_server.client(customer) as client:
            answer = client.post(OPENAI.path, json=body)
        assert (answer.status_code, link_of(answer)) == (403, anchor)
        assert page_of(answer).endswith(page)


@both
def test_a_providers_own_words_come_with_ours_beside_them(gateway_server, customer, protocol):
    theirs: dict[str, Any] = {
        "message": "too warm",
        "type": "invalid_request_error",
        "param": None,
        "metadata": {"lane": 3},
    }
    body = {"error": theirs} | ({"type": "error", "request_id": "req_theirs"} if protocol is ANTHROPIC else {})
    model = gateway_server.model(scripts.whole(body, status=400), protocol=protocol.name)
    with gateway_server.client(customer) as client:
        answer = client.post(protocol.path, json={"model": model.public_id, **protocol.body})
    assert (answer.status_code, link_of(answer)) == (400, "invalid_request")
    error = answer.json()["error"]
    assert error["metadata"].pop("lane") == 3
    assert error | {"metadata": None} == theirs | {"metadata": None}
    assert protocol is OPENAI or answer.json()["request_id"] == answer.headers["request-id"]


@both
def test_an_error_in_mid_stream_tells_it_too(gateway_server, customer, protocol):
    cut = scripts.stream(*protocol.start, protocol.text("Two plums"), end="cut")
    model = gateway_server.model(cut, protocol=protocol.name)
    with gateway_server.client(customer) as client:
        body = {"model": model.public_id, "stream": True, **protocol.body}
        last = json.loads(client.post(protocol.path, json=body).content.rstrip().rpartition(b"data: ")[2])
    metadata = last["error"]["metadata"]
    assert metadata["docs_url"] == f"{settings.SITE_URL}/docs/errors#upstream_error"
    assert metadata["charged"] is True
    customer.used()


def test_the_sdks_give_it_to_their_users(gateway_server):
    customer = gateway_server.customer(credit="0.00")
    model = gateway_server.model(scripts.whole(OPENAI.answer()))
    with openai.OpenAI(base_url=f"{gateway_server.url}/v1", api_key=customer.key, max_retries=0) as client:
        with pytest.raises(openai.APIStatusError) as poor:
            client.chat.completions.create(model=model.public_id, messages=HELLO)
        assert (poor.value.status_code, poor.value.code) == (402, "insufficient_balance")
        assert poor.value.body["metadata"]["docs_url"].endswith("/docs/errors#insufficient_balance")  # type: ignore[index]  # an object
    with anthropic.Anthropic(base_url=gateway_server.url, api_key=customer.key, max_retries=0) as other:
        with pytest.raises(anthropic.APIStatusError) as poor_too:
            other.messages.create(model=model.public_id, messages=HELLO, max_tokens=500)
        assert poor_too.value.type == "billing_error"
        assert poor_too.value.body["error"]["metadata"]["manage_url"].endswith("/billing#topup")  # type: ignore[index]  # an object
