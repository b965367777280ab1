"""What a model's page tells beside the table: its price versions, and who may be named behind it."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models.functions import Now

from catalog.models import Model, Price, Route
from catalog.money import nanos_to_usd


@dataclass(frozen=True, slots=True)
class PriceVersion:
    """A price that is or was in force; decimal dollar strings per million tokens."""

    effective_from: datetime
    free: bool
    input_usd: str
    output_usd: str
    cache_read_usd: str


def price_history(*, public_id: str, limit: int = 20) -> list[PriceVersion]:
    """Newest first: the first is in force. What has not come yet is not told."""
    rows = Price.objects.filter(model__public_id=public_id, effective_from__lte=Now())[:limit]
    return [
        PriceVersion(
            effective_from=row.effective_from,
            free=row.free,
            input_usd=nanos_to_usd(row.input_nanos),
            output_usd=nanos_to_usd(row.output_nanos),
            cache_read_usd=nanos_to_usd(row.cache_read_nanos),
        )
        for row in rows
    ]


def public_providers(*, public_id: str) -> list[str]:
    """Providers behind the model that staff gave a public name, in order of their routes."""
    routes = Route.objects.filter(model__public_id=public_id, enabled=True, provider__enabled=True)
    names = routes.exclude(provider__public_name="").order_by("priority", "id")
    return list(dict.fromkeys(names.values_list("provider__public_name", flat=True)))


def model_ids(*, public_ids: list[str]) -> dict[str, int]:
    """Row ids by public ID: what usage records know models by."""
    return dict(Model.objects.filter(public_id__in=public_ids).values_list("public_id", "id"))
