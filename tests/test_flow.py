"""The whole story by the doors people and programs use: sign up, make a key, ask, hang up, settle, read the bill."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import openai
import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from accounts.selectors import organizations_of
from billing.ledger import ledger_check
from billing.selectors import spend_since, transfers_list, usage_list, wallet_get
from billing.tasks import settle
from catalog.pricing import Usage
from tests.gateway.platform import (
    GatewayServer,
    SoldModel,
    _gateway_server,  # noqa: F401 -- a fixture that the next one asks for
    gateway_server,
    price_of,
    upstream,  # noqa: F401 -- the same
    wait_until,
)
from tests.gateway.protocols import HELLO
from tests.upstreams import scripts, wire
from tests.upstreams.server import Gate

__all__ = ["gateway_server"]
CODE = re.compile(r"^\s*([A-Z0-9]{3,}(?:-[A-Z0-9]{3,})*)\s*$", re.MULTILINE)
SECRET = re.compile(r'id="secret">(sk-[^<]+)<')
STARTER_NANOS = 5_000_000_000


@pytest.fixture
def site(settings):
    settings.STARTER_CREDIT_USD = "5.00"
    cache.clear()  # Attempts are counted there.
    return Client()


def signed_up(site: Client) -> User:
    """A person who typed an address, a password and the code from the mail."""
    email = f"{uuid4().hex}@example.com"
    site.post("/accounts/signup/", {"email": email, "password1": "eleven medlars and one quince"})
    code = CODE.search(str(mail.outbox[-1].body))
    assert code
    assert site.post("/accounts/confirm-email/", {"code": code[1]}).headers["location"] == "/app/"
    return User.objects.get(email=email)


def key_made(site: Client, slug: str) -> str:
    """The secret of a new key, which the page shows once."""
    page = site.post(f"/app/{slug}/keys", {"name": "laptop", "expiry": ""}).content.decode()
    shown = SECRET.search(page)
    assert shown
    key = unescape(shown[1])
    assert key not in site.get(f"/app/{slug}/keys").content.decode()
    return key


def five_requests(server: GatewayServer, key: str) -> SoldModel:
    """Whole, streamed, cut short by its client, failed by its upstream, whole again."""
    cut: list[bytes | Gate] = [
        wire.OPENAI_ROLE,
        wire.openai_chunk({"content": "x" * 50}),
        Gate(),
        *wire.openai_stream(),
    ]
    model = server.model(
        scripts.whole(wire.openai_answer()),
        scripts.stream(*wire.openai_stream()),
        scripts.stream(*cut),
        scripts.whole(b"", status=500),
        scripts.whole(wire.openai_answer()),
    )
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0) as client:
        ask: Any = client.chat.completions.create
        assert ask(model=model.public_id, messages=HELLO).choices[0].message.content == "Two plums"
        with ask(model=model.public_id, messages=HELLO, stream=True) as stream:
            assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "Two plums"
        with ask(model=model.public_id, messages=HELLO, stream=True) as stream:
            next(chunk for chunk in stream if chunk.choices[0].delta.content)
        wait_until(model.exchange().hung_up.is_set, "hung up")
        with pytest.raises(openai.InternalServerError):
            ask(model=model.public_id, messages=HELLO)
        assert ask(model=model.public_id, messages=HELLO).usage.total_tokens == 1200
    return model


def spent_by(organization_id: int) -> int:
    """What the five requests came to, once all are recorded."""
    rows = wait_until(
        lambda: rows if len(rows := usage_list(organization_id=organization_id)) == 5 else None, "five usage records"
    )
    assert [row.outcome for row in rows] == ["completed", "void", "client_gone", "completed", "completed"]
    whole = price_of(Usage(input_tokens=1000, output_tokens=200))
    charges = [row.charge_nanos for row in rows]
    assert charges == [whole, 0, price_of(rows[2].usage), whole, whole]
    assert rows[2].usage.output_tokens == 10  # fifty bytes
    return sum(charges)


def test_from_the_first_visit_to_the_bill(gateway_server, site):
    """Starter credit of five dollars, five requests: usage, balance, transfers and pages agree to the nano-dollar."""
    [organization] = organizations_of(user=signed_up(site))
    assert wallet_get(organization_id=organization.id).available_nanos == STARTER_NANOS
    model = five_requests(gateway_server, key_made(site, organization.slug))
    spent = spent_by(organization.id)
    wallet = wallet_get(organization_id=organization.id)
    assert (wallet.balance_nanos, wallet.held_nanos) == (STARTER_NANOS - spent, 0)
    assert [line.amount_nanos for line in transfers_list(organization_id=organization.id)] == [STARTER_NANOS]

    settle()
    settle()  # A second time changes nothing.
    wallet = wallet_get(organization_id=organization.id)
    assert (wallet.balance_nanos, wallet.available_nanos) == (STARTER_NANOS - spent, STARTER_NANOS - spent)
    lines = transfers_list(organization_id=organization.id)
    assert [line.amount_nanos for line in lines] == [-spent, STARTER_NANOS]
    assert spend_since(organization_id=organization.id, since=datetime.now(UTC) - timedelta(hours=1)) == spent
    assert ledger_check() == []

    usage = site.get(f"/app/{organization.slug}/requests").content.decode()
    bill = site.get(f"/app/{organization.slug}/billing").content.decode()
    assert usage.count(model.public_id) >= 4
    assert "$0.006" in usage
    assert "Two plums" not in usage + bill
    stranger = Client()
    signed_up(stranger)
    assert stranger.get(f"/app/{organization.slug}/requests").status_code == 404


def test_the_second_customer_sees_nothing_of_the_first_and_pays_for_nothing_of_theirs(gateway_server, site):
    first, second = gateway_server.customer(), gateway_server.customer()
    model = gateway_server.model(scripts.whole(wire.openai_answer()))
    with gateway_server.client(first) as client:
        client.post("/v1/chat/completions", json={"model": model.public_id, "messages": HELLO}).raise_for_status()
    first.used()
    second.used_nothing()
    assert second.usage() == []
