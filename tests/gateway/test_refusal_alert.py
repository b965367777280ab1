"""A request that is refused for lack of balance is told of, by mail: the gateway leaves a row, the worker reads it."""

from billing.alert_conditions import alerts_evaluate
from billing.alert_models import Alert, Refusal
from tests.gateway.platform import wait_until
from tests.upstreams import scripts, wire

HELLO = [{"role": "user", "content": "Hello"}]


def ask(server, customer, *, times=1):
    model = server.model(scripts.whole(wire.openai_answer()))
    body = {"model": model.public_id, "messages": HELLO, "max_tokens": 8000}
    with server.client(customer) as http:
        return [http.post("/v1/chat/completions", json=body) for _ in range(times)]


def test_a_402_leaves_one_row_and_becomes_one_alert(gateway_server):
    poor = gateway_server.customer(credit="0.05")
    refused, again = ask(gateway_server, poor, times=2)
    assert (refused.status_code, again.status_code) == (402, 402)
    rows = Refusal.objects.filter(organization_id=poor.organization_id)
    row = wait_until(rows.first, "the refusal is noted")
    required = refused.json()["error"]["metadata"]["required_usd"]
    assert row.available_nanos == row.balance_nanos == 50_000_000
    alerts_evaluate()
    alerts_evaluate()
    (alert,) = Alert.objects.filter(organization_id=poor.organization_id)
    assert (alert.kind, alert.level, alert.facts["required_usd"]) == ("low_balance", 4, required)


def test_a_request_that_fits_leaves_none(gateway_server, customer):
    (answer,) = ask(gateway_server, customer)
    assert answer.status_code == 200
    assert not Refusal.objects.filter(organization_id=customer.organization_id).exists()
