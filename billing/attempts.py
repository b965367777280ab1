"""Candidates that failed before a request was answered, as its usage record keeps them: names and times, no texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

# The client hung up before anything had come; NO_ROUTE: before anybody was asked.
CLIENT_GONE: Final = "client_gone"
CLIENT_GONE_STATUS: Final = 499
NO_ROUTE: Final = 0
# Why a request ended without an answer although nobody failed: the request was wrong, or the client left.
NOBODYS_FAULT: Final = ("invalid", "too_large", "context", CLIENT_GONE)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A route that gave nothing. `status` and `reason` are what the client would have been told, had it been the last.

    What the upstream said is never kept: it may name our credentials. Times count from the request's beginning.
    """

    route_id: int
    protocol: str
    status: int
    reason: str
    started_ms: int
    duration_ms: int


def attempts_encode(attempts: Sequence[Attempt]) -> str | None:
    """JSON for the record; NULL for the usual request, where nothing failed."""
    return msgspec.json.encode(attempts).decode() if attempts else None


def attempts_decode(kept: object) -> tuple[Attempt, ...]:
    """What `attempts_encode` made, as the database gives it back."""
    return msgspec.convert(kept or (), tuple[Attempt, ...])
