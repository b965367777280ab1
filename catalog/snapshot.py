"""The catalog as the gateway reads it: frozen, in memory, replaced whole when a notice says that it changed. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from catalog.pricing import Pricing

Protocol = Literal["openai_chat", "anthropic_messages"]
AuthStyle = Literal["bearer", "x-api-key"]


@dataclass(frozen=True, slots=True)
class Provider:
    """An upstream company as a socket needs it. The credential never shows in a repr."""

    id: int
    slug: str
    credential: str = field(repr=False)
    auth_style: AuthStyle | None  # None: follows the protocol of the route
    connect_seconds: float
    first_content_seconds: float
    idle_seconds: float
    bills_on_disconnect: bool  # True: hanging up does not stop its bill, so its answers are drained


@dataclass(frozen=True, slots=True)
class Route:
    """One way to a model: overrides resolved, `base_url` as an official SDK of `protocol` would be given it."""

    id: int
    provider: Provider
    upstream_model: str
    protocol: Protocol
    base_url: str
    priority: int  # lower comes first
    weight: int
    cost: Pricing


@dataclass(frozen=True, slots=True)
class Model:
    """What a client may name: only sellable models (active price, enabled route, credential) are in a snapshot."""

    id: int
    public_id: str
    display_name: str
    description: str
    context_tokens: int
    max_output_tokens: int
    capabilities: frozenset[str]
    listed: bool
    created_at_seconds: int
    price_version_id: int
    pricing: Pricing
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class CatalogSnapshot:
    """Every sellable model by its public ID."""

    models: Mapping[str, Model]
