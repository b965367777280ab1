"""Candidates that failed stand beside the answer: which, when, why in our words, and never what the upstream said."""

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.management_keys import management_key_create
from accounts.models import Membership
from billing.requests import request_get
from billing.traffic import Window, traffic_by_model
from catalog.history import model_ids
from tests.gateway.platform import wait_until
from tests.gateway.protocols import OPENAI
from tests.gateway.rawclient import RawClient
from tests.gateway.test_failures import SECRET, ask, failing
from tests.upstreams import scripts


def detail_of(customer):
    [row] = customer.used()
    detail = request_get(organization_id=customer.organization_id, request_id=row.id)
    assert detail is not None
    return detail


def kept(customer) -> str | None:
    """The column itself."""
    [row] = customer.used()
    with connection.cursor() as cursor:
        cursor.execute("SELECT attempts::text FROM usage_record WHERE id = %s", [row.id])
        return cursor.fetchone()[0]


def page_of(customer) -> str:
    """The request's page, as the organisation's owner reads it."""
    member = Membership.objects.select_related("organization", "user").get(organization_id=customer.organization_id)
    client = Client()
    client.force_login(member.user)
    [row] = customer.used()
    html = client.get(f"/app/{member.organization.slug}/requests/{row.id}").content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.mark.parametrize("streamed", [False, True])
def test_the_usual_request_keeps_nothing_of_attempts(gateway_server, customer, streamed):
    good = scripts.stream(*OPENAI.stream()) if streamed else scripts.whole(OPENAI.answer())
    model = gateway_server.model(good)
    assert ask(gateway_server, customer, model, OPENAI, streamed=streamed).status_code == 200
    assert kept(customer) is None
    [attempt] = detail_of(customer).attempts
    assert attempt.answered
    assert "What was tried" not in page_of(customer)


@pytest.mark.parametrize(
    ("kind", "reason", "status"),
    [("429", "rate", 429), ("500", "upstream", 502), ("401", "upstream", 502), ("silence", "upstream_timeout", 502)],
)
def test_a_failure_before_the_answer_is_told(gateway_server, customer, kind, reason, status):
    model = gateway_server.model(failing(OPENAI, kind), routes=2, timeouts={"first_content": "0.3"})
    model.on(scripts.whole(OPENAI.answer()), route=1)
    assert ask(gateway_server, customer, model, OPENAI, streamed=False).status_code == 200
    detail = detail_of(customer)
    failed, answered = detail.attempts
    assert (failed.provider, failed.reason, failed.status) == ("Provider 1", reason, status)
    assert (answered.provider, answered.answered) == ("Provider 2", True)
    assert failed.duration_ms >= (290 if kind == "silence" else 0)  # a timer may ring a little before its time
    assert answered.started_ms == failed.started_ms + failed.duration_ms
    assert answered.started_ms + answered.duration_ms == detail.row.duration_ms
    assert SECRET not in (kept(customer) or "")
    text = page_of(customer)
    assert "at the second try, after one provider failed" in text
    assert "What was tried" in text


def test_a_provider_is_called_what_staff_let_it_be_called(gateway_server, customer):
    model = gateway_server.model(failing(OPENAI, "500"), routes=2, provider={"public_name": "House of Models"})
    model.on(scripts.whole(OPENAI.answer()), route=1)
    ask(gateway_server, customer, model, OPENAI, streamed=False)
    assert {attempt.provider for attempt in detail_of(customer).attempts} == {"House of Models"}
    assert "House of Models" in page_of(customer)


def test_when_all_fail_all_are_told_and_nothing_was_charged(gateway_server, customer):
    model = gateway_server.model(failing(OPENAI, "529"), routes=3)
    for route in (1, 2):
        model.on(failing(OPENAI, "429"), route=route)
    assert ask(gateway_server, customer, model, OPENAI, streamed=False).status_code == 429
    detail = detail_of(customer)
    assert [attempt.reason for attempt in detail.attempts] == ["overloaded", "rate", "rate"]
    assert [attempt.provider for attempt in detail.attempts] == ["Provider 1", "Provider 2", "Provider 3"]
    assert detail.paid_nanos == 0
    assert SECRET not in (kept(customer) or "")


def test_a_refused_request_says_who_refused_it(gateway_server, customer):
    refused = scripts.whole({"error": {"message": f"no such field, {SECRET}", "type": "x"}}, status=400)
    model = gateway_server.model(refused, routes=2)
    assert ask(gateway_server, customer, model, OPENAI, streamed=False).status_code == 400
    assert [(attempt.reason, attempt.status) for attempt in detail_of(customer).attempts] == [("invalid", 400)]
    assert SECRET not in (kept(customer) or "")
    assert "Refused the request" in page_of(customer)


def test_the_api_tells_what_was_tried_and_what_it_cost(gateway_server, customer):
    model = gateway_server.model(failing(OPENAI, "500"), routes=2)
    model.on(scripts.whole(OPENAI.answer()), route=1)
    answer = ask(gateway_server, customer, model, OPENAI, streamed=False)
    member = Membership.objects.get(organization_id=customer.organization_id)
    manages = management_key_create(
        organization_id=customer.organization_id, member_id=member.id, name="ci", scopes=["usage:read"]
    )
    told = [told_of(answer.headers["x-request-id"], secret) for secret in (manages.secret, customer.key)]
    assert told[0] == told[1]
    failed, answered = told[0]["attempts"]
    assert (failed["provider"], failed["reason"], failed["status"]) == ("Provider 1", "upstream", 502)
    assert (failed["charged"], failed["ttft_ms"]) == (False, None)
    assert (answered["provider"], answered["reason"], answered["charged"]) == ("Provider 2", "answered", True)
    assert answered["started_ms"] + answered["ttft_ms"] == told[0]["latency"]
    assert answered["started_at"].endswith("Z")
    assert (told[0]["provider_name"], told[0]["upstream_api_type"]) == ("Provider 2", "openai_chat")
    assert told[0]["price_version"]["id"] == customer.used()[0].price_version_id
    assert sum(Decimal(line["amount_usd"]) for line in told[0]["price_lines"]) + Decimal(
        told[0]["rounding_usd"]
    ) == Decimal(told[0]["total_cost_usd"])
    assert SECRET not in json.dumps(told)


def told_of(request_id: str, secret: str) -> Any:
    answer = Client().get(f"/api/v1/generation?id={request_id}", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 200, answer.content
    return answer.json()["data"]


def test_only_what_providers_or_we_do_lowers_a_models_availability(gateway_server):
    """Refused for money, refused as wrong by us or by the provider, hung up: none of it says that the model is ill."""
    customer, poor = gateway_server.customer(), gateway_server.customer(credit="0.00")
    refused = scripts.whole({"error": {"message": "no such field", "type": "x"}}, status=400)
    answers = [scripts.whole(OPENAI.answer()), refused, scripts.silence(), failing(OPENAI, "500")]
    model = gateway_server.model(*answers)
    body = {"model": model.public_id, **OPENAI.body}
    with gateway_server.client(customer) as client, gateway_server.client(poor) as without_money:
        statuses = [client.post(OPENAI.path, json=body).status_code for _ in range(2)]
        statuses += [client.post(OPENAI.path, json=body | {"messages": 7}).status_code]
        statuses += [without_money.post(OPENAI.path, json=body).status_code]
        with RawClient(gateway_server.url) as leaver:
            leaver.post(OPENAI.path, body | {"stream": True}, headers=customer.bearer)
            wait_until(lambda: len(model.requests()) == 3, "the third request is upstream")
        customer.used(requests=3)
        statuses += [client.post(OPENAI.path, json=body).status_code]
    assert statuses == [200, 400, 400, 402, 502]
    customer.used(requests=4)
    ids = model_ids(public_ids=[model.public_id])
    assert traffic_by_model()[ids[model.public_id]].last_5m == Window(requests=2, answered=1)
