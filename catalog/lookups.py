"""Rows of the catalog by what customers and usage records name them by, whether still sold or not."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from catalog.models import Model, Price, Route
from catalog.pricing import Pricing


@dataclass(frozen=True, slots=True)
class PriceVersion:
    """One version of a model's price, in nano-dollars per million tokens."""

    id: int
    effective_from: datetime
    free: bool
    pricing: Pricing


def price_version_get(*, price_version_id: int) -> PriceVersion | None:
    """The version that a usage record was charged by; versions are never changed."""
    price = Price.objects.filter(id=price_version_id).first()
    if price is None:
        return None
    return PriceVersion(id=price.id, effective_from=price.effective_from, free=price.free, pricing=price.pricing)


def model_id_get(*, public_id: str) -> int | None:
    """The row of a public model ID."""
    return Model.objects.filter(public_id=public_id).values_list("id", flat=True).first()


@dataclass(frozen=True, slots=True)
class RouteProvider:
    """Whose a route is; the name is empty where staff gave none that customers may read."""

    provider_id: int
    public_name: str


def route_providers_public(*, route_ids: Iterable[int]) -> dict[int, RouteProvider]:
    """The providers behind these routes, as far as customers may know them."""
    routes = Route.objects.filter(id__in=set(route_ids)).values_list("id", "provider_id", "provider__public_name")
    return {route_id: RouteProvider(provider_id, name) for route_id, provider_id, name in routes}
