"""The gateway's door to money: async hold and finish, batched into one round trip at a time."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from catalog.pricing import Usage

Outcome = Literal["completed", "client_gone", "upstream_error", "void"]
Source = Literal["upstream", "counted", "estimated", "none"]


class LedgerUnavailable(Exception):
    """The database did not answer in time or failed: 503, never 402."""


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """Money wanted before a request may start. `request_id` is a UUIDv7 made by the gateway."""

    request_id: UUID
    wallet_id: int
    api_key_id: int
    member_id: int | None
    model_id: int
    price_version_id: int
    client_protocol: str
    amount_nanos: int


@dataclass(frozen=True, slots=True)
class HoldAnswer:
    """`decision` is held, exists, resolved, conflict, insufficient, debt, frozen, key_limit,
    member_limit or invalid.
    """

    decision: str
    required_nanos: int
    available_nanos: int
    limit_id: int | None


@dataclass(frozen=True, slots=True)
class FinishRequest:
    """What a request came to. A `void` is free whatever its charge says."""

    request_id: UUID
    wallet_id: int
    outcome: Outcome
    source: Source
    charge_nanos: int
    cost_nanos: int
    route_id: int | None
    upstream_protocol: str | None
    usage: Usage
    first_content_ms: int | None
    duration_ms: int


@dataclass(frozen=True, slots=True)
class FinishAnswer:
    """`result` is charged, late, duplicate, conflict or unknown; what the wallet paid and what we bore."""

    result: str
    charged_nanos: int
    write_off_nanos: int
