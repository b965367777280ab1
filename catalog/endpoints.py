"""Where a model is answered, as far as customers may know it: providers by their public name, or by a number."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from catalog.models import Route
from catalog.resolution import route_protocol
from catalog.snapshot import Protocol


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One way to a model: a provider and the protocol spoken to it."""

    route_id: int
    provider: str
    protocol: Protocol


def model_endpoints(*, public_id: str) -> list[Endpoint]:
    """In the order they are tried. A provider that staff gave no public name is numbered by its place."""
    routes = (
        Route.objects.filter(model__public_id=public_id, enabled=True, provider__enabled=True)
        .exclude(provider__credential="")
        .select_related("provider")
        .order_by("priority", "id")
    )
    places: dict[int, int] = {}
    return [
        Endpoint(
            route_id=route.id,
            provider=route.provider.public_name
            or _("Provider %(number)s") % {"number": places.setdefault(route.provider_id, len(places) + 1)},
            protocol=route_protocol(route=route.protocol, provider=route.provider.protocol),
        )
        for route in routes
    ]


def providers_public() -> list[str]:
    """The public names of all providers behind listed models, by name."""
    routes = Route.objects.filter(model__listed=True, enabled=True, provider__enabled=True)
    names = routes.exclude(provider__credential="").exclude(provider__public_name="")
    return sorted(set(names.values_list("provider__public_name", flat=True)), key=str.casefold)
