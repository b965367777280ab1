"""The real application under uvicorn on a real socket, with customers and models made through the services."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from django.db import connection, transaction
from uvicorn import Server

from accounts.models import User
from accounts.services import api_key_create, organization_create, user_create
from billing.ledger import ledger_check, wallet_credit, wallet_open
from billing.selectors import UsageRow, WalletView, usage_list, wallet_get
from catalog.models import Provider
from catalog.money import usd_to_nanos
from catalog.pricing import Pricing, Rates, Usage, charge_nanos
from catalog.services import catalog_load
from tests.upstreams.server import Exchange, Request, Script, Upstream

DEADLINE_SECONDS = 15.0
PRICE = {"input": "3", "output": "15", "cache_read": "0.30", "cache_write_5m": "3.75", "cache_write_1h": "6"}
# The same in nano-dollars per million tokens, written out so that no code of the product made it.
RATES = Rates(
    input=3_000_000_000,
    output=15_000_000_000,
    cache_read=300_000_000,
    cache_write_5m=3_750_000_000,
    cache_write_1h=6_000_000_000,
)
_number = count(1)
# Providers that tests made: those of earlier tests are withdrawn with the next change of the catalog, which would read
# them all again.
_in_use: list[str] = []
_done_with: list[str] = []


def wait_until[T](question: Callable[[], T | None], what: str) -> T:
    """Ask until the answer is true, or fail after the deadline."""
    until = time.monotonic() + DEADLINE_SECONDS
    while not (answer := question()):
        assert time.monotonic() < until, f"still not so after {DEADLINE_SECONDS} s: {what}"
        time.sleep(0.005)
    return answer


@dataclass(frozen=True)
class Customer:
    """An organisation with a wallet, an owner and an API key."""

    organization_id: int
    api_key_id: int
    key: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}

    def wallet(self) -> WalletView:
        return wallet_get(organization_id=self.organization_id)

    def usage(self) -> list[UsageRow]:
        return usage_list(organization_id=self.organization_id)

    def idle(self) -> WalletView:
        """The wallet once nothing is held any more."""
        return wait_until(lambda: None if (wallet := self.wallet()).held_nanos else wallet, "nothing held")

    def used(self, *, requests: int = 1) -> list[UsageRow]:
        """The usage records once there are so many, and nothing is held: exactly those."""
        wait_until(lambda: len(self.usage()) >= requests, f"{requests} usage records")
        self.idle()
        rows = self.usage()
        assert len(rows) == requests
        return rows

    def used_nothing(self, *, credit: str = "10.00") -> None:
        """Nothing is held and nothing was spent."""
        assert self.idle().balance_nanos == usd_to_nanos(credit)
        assert [row.charge_nanos for row in self.usage()] in ([], [0])


@dataclass(frozen=True)
class SoldModel:
    """A model of the catalog, and the upstreams behind it in the order they are tried."""

    public_id: str
    upstream: Upstream
    upstream_models: Sequence[str]

    def on(self, *scripts: Script, route: int = 0) -> None:
        self.upstream.on(self.upstream_models[route], *scripts)

    def requests(self, route: int = 0) -> list[Request]:
        return self.upstream.requests(self.upstream_models[route])

    def exchange(self, route: int = 0) -> Exchange:
        """The last request's exchange, once it came."""
        name = self.upstream_models[route]
        wait_until(lambda: self.upstream.exchanges[name], "a request upstream")
        return self.upstream.last(name)


def price_of(usage: Usage) -> int:
    """What this usage costs at PRICE, in nano-dollars."""
    return charge_nanos(usage, Pricing(rates=RATES))


@cache
def _owner(database: str) -> User:
    """One user of a database owns them all: hashing a password for each customer would be most of the time."""
    return user_create(email=f"{uuid4().hex}@example.com", password="plums and Pfirsiche, 9 of each", verified=True)


def customer_make(*, credit: str = "10.00") -> Customer:
    organization = organization_create(
        name=f"Organisation {uuid4().hex[:12]}", owner=_owner(str(connection.settings_dict))
    )
    wallet_open(organization_id=organization.id)
    if Decimal(credit):
        wallet_credit(
            organization_id=organization.id,
            amount_nanos=usd_to_nanos(credit),
            key=f"test:{organization.id}",
            kind="topup",
            reason="test",
        )
    key = api_key_create(organization_id=organization.id, name="test")
    return Customer(organization.id, key.id, key.secret)


def model_make(
    upstream: Upstream,
    *,
    routes: int = 1,
    protocol: str = "openai_chat",
    overrides: Sequence[str] = (),
    public_id: str | None = None,
    timeouts: Mapping[str, Any] | None = None,
    price: Mapping[str, Any] = PRICE,
    provider: Mapping[str, Any] | None = None,
    **more: Any,
) -> SoldModel:
    """A model with so many routes, each to a provider of its own, tried in order; the first have `overrides`."""
    unique = f"{next(_number)}-{uuid4().hex[:8]}"
    suffix = "/v1" if protocol == "openai_chat" else ""
    slugs = [f"provider-{unique}-{index}" for index in range(routes)]
    names = [f"upstream-{unique}-{index}" for index in range(routes)]
    document: dict[str, list[dict[str, Any]]] = {
        "providers": [
            {
                "slug": slug,
                "base_url": upstream.origin + suffix,
                "protocol": protocol,
                "api_key": f"provider-credential-{slug}",
                **({"timeouts": dict(timeouts)} if timeouts else {}),
                **(provider or {}),
            }
            for slug in slugs
        ],
        "models": [
            {
                "id": public_id or f"model-{unique}",
                "context_tokens": 200_000,
                "max_output_tokens": 8_000,
                "price": dict(price),
                "routes": [
                    {"provider": slug, "upstream_model": name, "priority": index, "protocol": override}
                    for index, (slug, name, override) in enumerate(
                        zip(slugs, names, [*overrides, *["provider_default"] * (routes - len(overrides))], strict=True)
                    )
                ],
                **more,
            }
        ],
    }
    _sell(document, slugs)
    return SoldModel(document["models"][0]["id"], upstream, names)


def _sell(document: Mapping[str, Any], slugs: Sequence[str]) -> None:
    with transaction.atomic():
        Provider.objects.filter(slug__in=_done_with).update(enabled=False)
        catalog_load(document, environment={})
    _done_with.clear()
    _in_use.extend(slugs)


@dataclass(frozen=True)
class GatewayServer:
    """A running server, and the ways to make what it serves."""

    url: str
    upstream: Upstream
    server: Server

    def customer(self, *, credit: str = "10.00") -> Customer:
        return customer_make(credit=credit)

    def model(self, *scripts: Script, **options: Any) -> SoldModel:
        """A model that is already for sale here, whose first route plays `scripts`."""
        model = model_make(self.upstream, **options)
        model.on(*scripts)
        wait_until(lambda: self.sells(model.public_id), "the model for sale")
        return model

    def sells(self, public_id: str) -> bool:
        return httpx.get(f"{self.url}/v1/models/{public_id}").status_code == 200

    def client(self, customer: Customer | None = None) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=customer.bearer if customer else {}, timeout=DEADLINE_SECONDS)


@contextmanager
def served(upstream: Upstream, *, recheck_seconds: float = 30.0, **config: Any) -> Iterator[GatewayServer]:
    """The application with a gateway of its own in this process, `config` over the settings."""
    with running(recheck_seconds=recheck_seconds, **config) as server:
        yield GatewayServer(f"http://127.0.0.1:{_port(server)}", upstream, server)


@contextmanager
def running(*, recheck_seconds: float = 30.0, **config: Any) -> Iterator[Server]:
    """The server itself, in a thread."""
    from gateway.app import GatewayApp  # noqa: PLC0415 -- needs Django set up
    from tokenoutput import asgi  # noqa: PLC0415 -- the same
    from tokenoutput.serve import server_make  # noqa: PLC0415 -- the same

    gateway = GatewayApp(config)
    app = asgi.Application(gateway=gateway, site=asgi.application._site, recheck_seconds=recheck_seconds)
    server = server_make(app)
    server.config.host, server.config.port = "127.0.0.1", 0
    thread = threading.Thread(target=server.run, name="gateway", daemon=True)
    thread.start()
    wait_until(lambda: server.started or not thread.is_alive(), "the server started")
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()


def _port(server: Server) -> int:
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port


def is_uuid7(text: str) -> bool:
    return UUID(text).version == 7


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    started = Upstream().start()
    yield started
    started.stop()


@pytest.fixture(scope="session")
def _gateway_server(database: None, upstream: Upstream) -> Iterator[GatewayServer]:
    with served(upstream) as server:
        yield server
    assert ledger_check() == []


@pytest.fixture
def gateway_server(_gateway_server: GatewayServer, django_db_blocker: Any) -> Iterator[GatewayServer]:
    """The one server of the run. Rows are committed: make your own customer and model."""
    with django_db_blocker.unblock():
        yield _gateway_server
    _done_with.extend(_in_use)
    _in_use.clear()


@pytest.fixture
def customer(gateway_server: GatewayServer) -> Customer:
    return gateway_server.customer()
