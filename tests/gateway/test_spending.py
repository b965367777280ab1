"""A spending limit answers 402 in both protocols, and says which it is, what is left and when it starts again."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from billing.budgets import budgets_set
from billing.limits import limit_set
from tests.gateway.protocols import OPENAI, both
from tests.upstreams import scripts
from tokenoutput.docs_tables import LIMIT_ERROR

USD = 1_000_000_000


@both
def test_a_spent_limit_is_402_and_names_itself(gateway_server, protocol):
    customer = gateway_server.customer(credit="10.00")
    model = gateway_server.model(scripts.whole(protocol.answer()), protocol=protocol.name)
    limit_set(
        organization_id=customer.organization_id,
        api_key_id=customer.api_key_id,
        period="daily",
        amount_nanos=USD // 100,
    )
    with gateway_server.client(customer) as client:
        refused = client.post(protocol.path, json={"model": model.public_id, **protocol.body, "max_tokens": 8000})
    assert refused.status_code == 402
    error = refused.json()["error"]
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    assert "daily spending limit of this API key ($0.01) leaves $0.01" in error["message"]
    assert f"starts again on {tomorrow} 00:00 UTC. Nothing was charged." in error["message"]
    said = {name: error["metadata"][name] for name in ("reason", "scope", "period", "limit_usd", "spent_usd")}
    expected = {"reason": "key_limit", "scope": "key", "period": "daily", "limit_usd": "0.01", "spent_usd": "0.00"}
    assert said == expected
    assert error["metadata"]["resets_at"] == f"{tomorrow}T00:00:00Z"
    assert error["metadata"]["charged"] is False
    customer.used_nothing()


def test_a_budget_is_of_the_whole_organisation(gateway_server):
    """Any key runs into it, and the answer says that it is not the key's own."""
    customer = gateway_server.customer()
    model = gateway_server.model(scripts.whole(OPENAI.answer()))
    budgets_set(organization_id=customer.organization_id, amounts_nanos={"monthly": USD // 100})
    with gateway_server.client(customer) as client:
        refused = client.post(OPENAI.path, json={"model": model.public_id, **OPENAI.body, "max_tokens": 8000})
    assert refused.status_code == 402
    error = refused.json()["error"]
    assert "The monthly organisation budget ($0.01) leaves $0.01" in error["message"]
    assert error["metadata"]["reason"] == "organization_budget"
    assert error["metadata"]["scope"] == "organization"
    assert error["metadata"]["resets_at"].endswith("-01T00:00:00Z")
    customer.used_nothing()


def test_a_limit_in_total_never_starts_again(gateway_server):
    customer = gateway_server.customer()
    model = gateway_server.model(scripts.whole(OPENAI.answer()))
    limit_set(
        organization_id=customer.organization_id,
        api_key_id=customer.api_key_id,
        period="total",
        amount_nanos=USD // 100,
    )
    with gateway_server.client(customer) as client:
        body = {"model": model.public_id, **OPENAI.body, "max_tokens": 8000}
        error = client.post(OPENAI.path, json=body).json()["error"]
    assert "The spending limit of this API key ($0.01)" in error["message"]
    assert "starts again" not in error["message"]
    assert error["metadata"]["resets_at"] is None
    assert set(error) == set(json.loads(LIMIT_ERROR)["error"])  # as the docs say
    assert set(error["metadata"]) == set(json.loads(LIMIT_ERROR)["error"]["metadata"])


@pytest.mark.parametrize("usd", ["0", "0.001", "2000000"])
def test_amounts_that_cannot_be_limits(gateway_server, usd):
    from billing.limits import LimitAmountRefused  # noqa: PLC0415 -- beside the amounts it is about

    customer = gateway_server.customer()
    with pytest.raises(LimitAmountRefused, match=r"\$0.01 to \$1000000.00"):
        limit_set(
            organization_id=customer.organization_id,
            api_key_id=customer.api_key_id,
            period="daily",
            amount_nanos=int(float(usd) * USD),
        )
