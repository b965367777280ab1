"""What happens to an organisation reaches its open pages: keys, alerts, payments; each once, when it is committed."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.api_keys import api_key_create, api_key_disable
from billing.alert_models import Alert
from billing.alerts import alert_raise, alert_test
from billing.ledger import wallet_open
from billing.limits import limit_set
from billing.models import Topup
from billing.payment_ledger import topup_credit
from tests.live.test_sockets import heard, listening
from tests.tokenoutput.pages import visitor

LIMIT = {
    "of": "API key", "name": "ci", "period": "daily", "limit_usd": "1.00", "spent_usd": "0.90", "percent": "90",
    "left_usd": "0.10", "resets_at": "never",
}  # fmt: skip


@pytest.fixture
def host(gateway_server):
    return visitor(uuid4().hex[:12])


def events(socket, kind):
    return heard(socket, kind)["data"]["events"]


def topup_of(host):
    wallet_id = wallet_open(organization_id=host.organization.id)
    return Topup.objects.create(wallet_id=wallet_id, kind="checkout", status="processing", amount_cents=2000)


def test_a_key_that_is_disabled_or_limited_is_told(gateway_server, host):
    organization_id = host.organization.id
    key = api_key_create(organization_id=organization_id, name="ci", member_id=host.organization.member_id)
    with listening(gateway_server.url, host) as socket:
        assert [event["what"] for event in events(socket, "key")] == ["created"]  # of the last minutes
        api_key_disable(organization_id=organization_id, api_key_id=key.id, member_id=host.organization.member_id)
        (event,) = events(socket, "key")
        assert (event["name"], event["what"]) == ("ci", "disabled")
        limit_set(organization_id=organization_id, api_key_id=key.id, period="daily", amount_nanos=10**9)
        assert [event["what"] for event in events(socket, "key")] == ["limit_set"]
        alert_raise(organization_id=organization_id, kind="key_limit", subject="limit:1", level=80, facts=LIMIT)
        assert [event["what"] for event in events(socket, "key")] == ["limit_near"]
        (alert,) = events(socket, "alert")
        assert "has used 90 % of its spending limit" in alert["html"]
        assert f'href="/app/{host.organization.slug}/keys"' in alert["html"]


def test_an_alert_is_told_when_it_commits_and_not_otherwise(gateway_server, host):
    organization_id = host.organization.id
    with listening(gateway_server.url, host) as socket:
        heard(socket, "balance")
        with transaction.atomic():
            alert_test(organization_id=organization_id, by="nobody")
            transaction.set_rollback(True)
        alert_test(organization_id=organization_id, by="ada")
        (event,) = events(socket, "alert")
        assert event["id"] == str(Alert.objects.get(organization_id=organization_id).id)
        assert "Test of your alerts" in event["html"]
    # A page that is opened next, or has no socket, is told too; after some minutes it is over.
    with listening(gateway_server.url, host) as socket:
        assert [one["id"] for one in events(socket, "alert")] == [event["id"]]
    assert [one["id"] for one in host.client.get(host.path("live")).json()["alert"]] == [event["id"]]
    Alert.objects.update(created_at=timezone.now() - timedelta(minutes=11))
    assert host.client.get(host.path("live")).json()["alert"] == []


def test_a_payment_is_told_with_the_balance(gateway_server, host):
    topup = topup_of(host)
    with listening(gateway_server.url, host) as socket:
        assert heard(socket, "balance")["data"]["available"] == "$5.00"
        topup_credit(topup_id=topup.id, payment_intent_id=f"pi_{topup.id}", tax_cents=0)
        assert heard(socket, "balance")["data"]["available"] == "$25.00"
        assert [(one["id"], one["amount"]) for one in events(socket, "payment")] == [(str(topup.id), "$20.00")]


def test_nobody_else_hears_of_it(gateway_server, host):
    other = visitor(uuid4().hex[:12])
    with listening(gateway_server.url, other) as socket:
        heard(socket, "balance")
        alert_test(organization_id=host.organization.id, by="ada")
        api_key_create(organization_id=host.organization.id, name="theirs", member_id=host.organization.member_id)
        alert_test(organization_id=other.organization.id, by="eve")
        (event,) = events(socket, "alert")
        assert event["id"] == str(Alert.objects.get(organization_id=other.organization.id).id)
    assert other.client.get(other.path("live")).json()["key"] == []
