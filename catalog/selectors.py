"""What others may know of the catalog: frozen dataclasses, in a fixed number of queries."""

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now

from catalog.encryption import SecretUnreadable
from catalog.models import Model, Price, Provider, Route
from catalog.money import nanos_to_usd
from catalog.pricing import Rates
from catalog.resolution import route_base_url, route_protocol
from catalog.snapshot import (
    AuthStyle,
    CatalogSnapshot,
    Model as SnapshotModel,
    Protocol,
    Provider as SnapshotProvider,
    Route as SnapshotRoute,
)

logger = logging.getLogger(__name__)

PROTOCOLS: tuple[Protocol, ...] = ("openai_chat", "anthropic_messages")
Conversions = Collection[tuple[str, Protocol]]


@dataclass(frozen=True, slots=True)
class LongContextRow:
    """What the whole request costs above so many prompt tokens: decimal dollar strings per million."""

    above_tokens: int
    input_usd: str
    output_usd: str
    cache_read_usd: str
    cache_write_5m_usd: str
    cache_write_1h_usd: str


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """One line of the public table; prices are decimal dollar strings per million tokens.

    `price_changed_at` is None while the first price is in force.
    """

    public_id: str
    display_name: str
    description: str
    context_tokens: int
    max_output_tokens: int
    protocols: tuple[Protocol, ...]
    free: bool
    input_usd: str
    output_usd: str
    cache_read_usd: str
    cache_write_5m_usd: str
    cache_write_1h_usd: str
    long_context: LongContextRow | None
    capabilities: tuple[str, ...]
    created_at: datetime
    price_changed_at: datetime | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class _Sellable:
    model: Model
    price: Price
    routes: tuple[SnapshotRoute, ...]


def snapshot_load() -> CatalogSnapshot:
    """Every sellable model, credentials opened: what the gateway holds in memory."""
    return CatalogSnapshot(models={sold.model.public_id: _snapshot_model(sold) for sold in _sellable_list()})


def catalog_list(*, conversions: Conversions = ()) -> list[CatalogRow]:
    """The public table, in the order staff gave: listed and sellable models only.

    `conversions` are the pairs (client, upstream) that the gateway converts between: it says which protocols a client
    may use beside those some route speaks itself.
    """
    return [_catalog_row(sold, conversions) for sold in _sellable_list(listed_only=True)]


def docs_model(*, protocol: Protocol | None = None) -> str | None:
    """The public ID for documentation: the first listed model that answers `protocol`, or both, else the first."""
    rows = [row for row in catalog_list() if "embeddings" not in row.capabilities]
    wanted = {protocol} if protocol else set(PROTOCOLS)
    best = (row.public_id for row in rows if wanted <= set(row.protocols))
    return next(best, rows[0].public_id if rows else None)


def model_names(*, ids: Iterable[int]) -> dict[int, str]:
    """Public IDs by row id, whether still sold or not: for what was used once."""
    return dict(Model.objects.filter(id__in=set(ids)).values_list("id", "public_id"))


def route_providers(*, ids: Iterable[int]) -> dict[int, str]:
    """The slug of the provider behind each route, by route id."""
    return dict(Route.objects.filter(id__in=set(ids)).values_list("id", "provider__slug"))


def models_with_state() -> "QuerySet[Model]":
    """Models with the columns that `unsellable_reason` and admin's list read: one query."""
    routes = Route.objects.filter(model=OuterRef("pk"), enabled=True)
    prices = Price.objects.filter(model=OuterRef("pk"), effective_from__lte=Now())
    newest_first = prices.order_by("-effective_from", "-id")
    return Model.objects.annotate(
        input_nanos_in_force=Subquery(newest_first.values("input_nanos")[:1]),
        output_nanos_in_force=Subquery(newest_first.values("output_nanos")[:1]),
        has_price=Exists(prices),
        has_route=Exists(routes),
        has_provider=Exists(routes.filter(provider__enabled=True)),
        has_credential=Exists(routes.filter(provider__enabled=True).exclude(provider__credential="")),
    )


def unsellable_reason(model: Model) -> str | None:
    """Why a model of `models_with_state` cannot be sold; None when it can."""
    reasons = {
        "has_price": "no price in force",
        "has_route": "no enabled route",
        "has_provider": "no enabled provider behind its routes",
        "has_credential": "no credential at its providers",
    }
    return next((reason for name, reason in reasons.items() if not getattr(model, name)), None)


def _prices_in_force() -> "QuerySet[Price]":
    """By the database's clock: every process changes a price in the same moment, whatever its own clock says."""
    newest_first = Price.objects.filter(effective_from__lte=Now()).order_by("model_id", "-effective_from", "-id")
    before = Price.objects.filter(model=OuterRef("model"), effective_from__lt=OuterRef("effective_from"))
    return newest_first.distinct("model_id").annotate(replaces=Exists(before))


def _sellable_list(*, listed_only: bool = False) -> list[_Sellable]:
    """Three queries, however large the catalog."""
    routes = _routes_by_model()
    models = Model.objects.filter(Q(listed=True) if listed_only else Q(), id__in=routes).order_by("position", "id")
    prices = {price.model_id: price for price in _prices_in_force().filter(model__in=routes)}
    return [
        _Sellable(model=model, price=prices[model.id], routes=tuple(routes[model.id]))
        for model in models
        if model.id in prices
    ]


def _routes_by_model() -> dict[int, list[SnapshotRoute]]:
    rows = (
        Route.objects.filter(enabled=True, provider__enabled=True)
        .exclude(provider__credential="")
        .select_related("provider")
        .order_by("priority", "id")
    )
    providers: dict[int, SnapshotProvider | None] = {}
    routes: dict[int, list[SnapshotRoute]] = {}
    for row in rows:
        if row.provider_id not in providers:
            providers[row.provider_id] = _snapshot_provider(row.provider)
        provider = providers[row.provider_id]
        if provider is not None:
            routes.setdefault(row.model_id, []).append(_snapshot_route(row, provider))
    return routes


def _snapshot_provider(row: Provider) -> SnapshotProvider | None:
    try:
        credential = row.credential.reveal()
    except SecretUnreadable:
        logger.error("no key of FIELD_ENCRYPTION_KEYS opens the credential of provider %s", row.slug)  # noqa: TRY400 -- the trace adds nothing
        return None
    return SnapshotProvider(
        id=row.id,
        slug=row.slug,
        credential=credential,
        auth_style=cast("AuthStyle | None", row.auth_style or None),
        connect_seconds=float(row.connect_seconds or settings.GATEWAY["connect_seconds"]),
        first_content_seconds=float(row.first_content_seconds or settings.GATEWAY["first_content_seconds"]),
        idle_seconds=float(row.idle_seconds or settings.GATEWAY["idle_seconds"]),
        bills_on_disconnect=row.bills_on_disconnect,
    )


def _snapshot_route(row: Route, provider: SnapshotProvider) -> SnapshotRoute:
    protocol = route_protocol(route=row.protocol, provider=row.provider.protocol)
    return SnapshotRoute(
        id=row.id,
        provider=provider,
        upstream_model=row.upstream_model,
        protocol=protocol,
        base_url=route_base_url(
            protocol=protocol,
            provider_protocol=row.provider.protocol,
            base_url=row.provider.base_url,
            other_base_url=row.provider.other_base_url,
        ),
        priority=row.priority,
        weight=row.weight,
        cost=row.cost,
    )


def _snapshot_model(sold: _Sellable) -> SnapshotModel:
    model = sold.model
    return SnapshotModel(
        id=model.id,
        public_id=model.public_id,
        display_name=model.display_name or model.public_id,
        description=model.description,
        context_tokens=model.context_tokens,
        max_output_tokens=model.max_output_tokens,
        capabilities=frozenset(model.capabilities),
        listed=model.listed,
        created_at_seconds=int(model.created_at.timestamp()),
        price_version_id=sold.price.id,
        pricing=sold.price.pricing,
        routes=sold.routes,
    )


def _catalog_row(sold: _Sellable, conversions: Conversions) -> CatalogRow:
    model, price = sold.model, sold.price
    long = price.pricing
    return CatalogRow(
        public_id=model.public_id,
        display_name=model.display_name or model.public_id,
        description=model.description,
        context_tokens=model.context_tokens,
        max_output_tokens=model.max_output_tokens,
        protocols=() if "embeddings" in model.capabilities else _client_protocols(sold.routes, conversions),
        free=price.free,
        **_rates_usd(long.rates),
        long_context=LongContextRow(above_tokens=long.long_context_above_tokens, **_rates_usd(long.long_context_rates))
        if long.long_context_rates and long.long_context_above_tokens
        else None,
        capabilities=tuple(model.capabilities),
        created_at=model.created_at,
        price_changed_at=price.effective_from if getattr(price, "replaces", False) else None,
        updated_at=max(model.updated_at, price.effective_from),
    )


def _client_protocols(routes: Iterable[SnapshotRoute], conversions: Conversions) -> tuple[Protocol, ...]:
    spoken = {route.protocol for route in routes}
    return tuple(
        client
        for client in PROTOCOLS
        if client in spoken or any((client, upstream) in conversions for upstream in spoken)
    )


def _rates_usd(rates: Rates) -> Mapping[str, str]:
    return {
        "input_usd": nanos_to_usd(rates.input),
        "output_usd": nanos_to_usd(rates.output),
        "cache_read_usd": nanos_to_usd(rates.cache_read),
        "cache_write_5m_usd": nanos_to_usd(rates.cache_write_5m),
        "cache_write_1h_usd": nanos_to_usd(rates.cache_write_1h),
    }
