"""Sockets over the wire: who may listen, who may no longer, and what they hear."""

import json
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from accounts.models import Membership
from accounts.services import api_key_create
from billing.ledger import wallet_credit
from catalog.models import Price
from tests.gateway.platform import served
from tests.tokenoutput.pages import member, visitor
from tests.upstreams.scripts import whole
from tests.upstreams.wire import openai_answer
from tokenoutput.live import hub as hubs

SECONDS = 15


@pytest.fixture
def host(gateway_server):
    return visitor(uuid4().hex[:12])


@contextmanager
def listening(url, who, *, path=None, origin=None, zone="UTC"):
    """A page's socket, with the cookies and the Origin a browser sends."""
    cookie = f'zone="{zone}"; '
    cookie += f"{settings.SESSION_COOKIE_NAME}={who.client.cookies[settings.SESSION_COOKIE_NAME].value}" if who else ""
    address = url.replace("http", "ws", 1) + (path or f"/ws/app/{who.organization.slug}/")
    with connect(address, origin=origin or url, additional_headers={"Cookie": cookie}) as socket:
        yield socket


def heard(socket, kind):
    """The next message of this type; what else comes meanwhile is let go."""
    while True:
        message = json.loads(socket.recv(timeout=SECONDS))
        if message["type"] == kind:
            return message


def closed_with(socket):
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            socket.recv(timeout=SECONDS)
    return closed.value.rcvd.code if closed.value.rcvd else None


def test_a_page_hears_at_once_what_is_so_and_then_what_changes(gateway_server, host):
    with listening(gateway_server.url, host) as socket:
        first = heard(socket, "balance")
        assert (first["v"], first["seq"], first["data"]["available"]) == (1, 1, "$5.00")
        wallet_credit(
            organization_id=host.organization.id, amount_nanos=10**9, key=uuid4().hex, kind="topup", reason="test"
        )
        second = heard(socket, "balance")
        assert second["data"]["available"] == "$6.00"
        assert second["seq"] > first["seq"]


def test_a_request_is_heard_when_it_ends_long_before_settlement(gateway_server, host):
    key = api_key_create(organization_id=host.organization.id, name="live", member_id=host.organization.member_id)
    model = gateway_server.model(whole(openai_answer(usage={"prompt_tokens": 21, "completion_tokens": 34})))
    with (
        listening(gateway_server.url, host) as socket,
        listening(gateway_server.url, host, zone="Asia/Tokyo") as elsewhere,
        gateway_server.client() as client,
    ):
        heard(socket, "balance")
        answer = client.post(
            "/v1/chat/completions",
            json={"model": model.public_id, "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]},
            headers={"authorization": f"Bearer {key.secret}"},
        )
        assert answer.status_code == 200
        (row,) = heard(socket, "request")["data"]["rows"]
        (same,) = heard(elsewhere, "request")["data"]["rows"]
    assert ("Time (UTC)" in row["html"], "Time (Asia/Tokyo)" in same["html"], same["id"]) == (True, True, row["id"])
    assert row["id"] == answer.headers["x-request-id"]
    assert row["summary"].startswith(f"{model.public_id}, 21 in / 34 out, $0.000573, ")
    assert model.public_id in row["html"]
    assert "hi" not in row["summary"]
    # A page whose socket is down is told the same, and nothing twice.
    asked = host.client.get(host.path("live"))
    assert [one["id"] for one in asked.json()["requests"]] == [row["id"]]
    again = host.client.get(host.path("live"), headers={"If-None-Match": asked["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_strangers_and_the_signed_out_are_told_so_and_hear_nothing(gateway_server, host):
    other = visitor(uuid4().hex[:12])
    with listening(gateway_server.url, other, path=f"/ws/app/{host.organization.slug}/") as socket:
        assert closed_with(socket) == 4403
    with listening(gateway_server.url, None, path=f"/ws/app/{host.organization.slug}/") as socket:
        assert closed_with(socket) == 4401
    with listening(gateway_server.url, other, path="/ws/app/no-such-organisation/") as socket:
        assert closed_with(socket) == 4403


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "http://127.0.0.1.elsewhere.example"])
@pytest.mark.parametrize("path", [None, "/ws/catalog"])
def test_another_sites_page_may_not_listen(gateway_server, host, origin, path):
    with (
        pytest.raises(InvalidStatus) as refused,
        listening(gateway_server.url, host, path=path, origin=origin),
    ):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("path", ["/ws/", "/ws/app/", "/ws/app/a/b/", "/ws/catalog/", "/elsewhere"])
def test_other_paths_are_not_found(gateway_server, host, path):
    with pytest.raises(InvalidStatus) as refused, listening(gateway_server.url, host, path=path):
        pass
    assert refused.value.response.status_code == 404


def test_who_is_removed_or_signs_out_is_cut_off(gateway_server, host, upstream):
    viewer = member(host, role="viewer", name=uuid4().hex[:12])
    with served(upstream, recheck_seconds=0.2) as server:
        with listening(server.url, viewer) as socket:
            heard(socket, "balance")
            Membership.objects.filter(user=viewer.user).delete()
            assert closed_with(socket) == 4403
        with listening(server.url, host) as socket:
            heard(socket, "balance")
            client: Client = host.client
            client.session.flush()
            assert closed_with(socket) == 4401


def test_owners_without_a_second_step_hear_nothing_where_one_is_required(gateway_server, host, settings):
    settings.MFA_REQUIRED_FOR_OWNERS = True
    with listening(gateway_server.url, host) as socket:
        assert closed_with(socket) == 4403


def test_a_server_that_stops_sends_its_pages_elsewhere(gateway_server, host, upstream):
    with served(upstream) as server, listening(server.url, host) as socket:
        heard(socket, "balance")
        server.server.should_exit = True
        assert closed_with(socket) == 1012


def test_a_browser_that_talks_is_cut_off(gateway_server, host):
    with listening(gateway_server.url, host) as socket:
        socket.send("hello")
        assert closed_with(socket) == 1008


def test_one_organisation_cannot_take_every_socket(gateway_server, host, monkeypatch):
    monkeypatch.setattr(hubs, "SOCKETS_OF_ONE_MAX", 1)
    with listening(gateway_server.url, host) as first:
        heard(first, "balance")
        with listening(gateway_server.url, host, zone="Asia/Tokyo") as second:
            assert closed_with(second) == 1013
    with listening(gateway_server.url, visitor(uuid4().hex[:12])) as socket:
        heard(socket, "balance")


def test_a_price_set_for_later_is_told_when_its_time_has_come(gateway_server, upstream):
    with (
        served(upstream, snapshot_seconds=0.2) as server,
        listening(server.url, None, path="/ws/catalog") as socket,
    ):
        model = server.model(whole(openai_answer()))
        price = Price.objects.get(model__public_id=model.public_id)
        price.pk, price.input_nanos = None, price.input_nanos + 1
        price.effective_from = timezone.now() + timedelta(seconds=1)
        price.save()
        while datetime.fromisoformat(heard(socket, "catalog")["at"]) < price.effective_from:
            pass


def test_the_catalog_says_that_it_changed_to_anybody(gateway_server):
    with listening(gateway_server.url, None, path="/ws/catalog") as socket:
        gateway_server.model(whole(openai_answer()))
        assert heard(socket, "catalog")["data"] == {}
