"""Requests a minute and requests at once, per key and organisation, counted in this process."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from gateway.errors import GatewayError, Reason
from gateway.protocols import ClientProtocol

Subject = tuple[str, int]  # ("key", 7), ("organization", 3)
BUCKETS_MAX = 50_000
WINDOW_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Standing:
    """What the tightest bucket still allows: the numbers of the rate headers."""

    limit: int
    remaining: int
    reset_seconds: float


class Limits:
    """GCRA buckets: a minute's allowance may come at once, then refills evenly. A refused request takes nothing."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._full_at: dict[Subject, float] = {}  # GCRA's theoretical arrival time: when the bucket is full again
        self._running: Counter[Subject] = Counter()

    def take(self, wanted: dict[Subject, int], tell: Callable[[Standing], None]) -> None:
        """Count one request against every subject's allowance a minute, or against none and raise a 429.

        Either way `tell` is told of the tightest bucket first: a refusal carries the rate headers too.
        """
        now = self._now()
        self._prune(now)
        taken, standings, waits = {}, [], []
        for subject, per_minute in wanted.items():
            step = WINDOW_SECONDS / per_minute
            full_at = max(self._full_at.get(subject, now), now)
            taken[subject] = full_at + step
            waits.append(full_at + step - now - WINDOW_SECONDS)
            used_seconds = min(full_at + step - now, WINDOW_SECONDS)
            remaining = int((WINDOW_SECONDS - used_seconds) / step + 1e-9)
            standings.append(Standing(per_minute, remaining, used_seconds))
        wait, tightest = max(zip(waits, standings, strict=True), key=lambda one: (one[0], -one[1].remaining))
        if wait > 1e-9:
            tell(replace(tightest, remaining=0))
            raise GatewayError(
                Reason.RATE,
                f"Rate limit of {tightest.limit} requests a minute reached. Nothing was charged.",
                retry_after=str(math.ceil(wait)),
                metadata={"scope": "requests", "limit_per_minute": tightest.limit},
            )
        self._full_at |= taken
        tell(min(standings, key=lambda one: one.remaining))

    @contextmanager
    def running(self, wanted: dict[Subject, int]) -> Iterator[None]:
        """Count one request as running while inside; 429 where a subject has as many as it may."""
        for subject, at_once in wanted.items():
            if self._running[subject] >= at_once:
                raise GatewayError(
                    Reason.RATE,
                    f"{at_once} requests of this {subject[0]} are running already. Nothing was charged.",
                    retry_after="1",
                    metadata={"scope": "concurrency", "limit": at_once},
                )
        self._running.update(wanted.keys())
        try:
            yield
        finally:
            for subject in wanted:
                self._running[subject] -= 1
                if self._running[subject] <= 0:
                    del self._running[subject]

    def _prune(self, now: float) -> None:
        if len(self._full_at) > BUCKETS_MAX:  # A bucket that is full again says nothing that a missing one does not.
            self._full_at = {subject: at for subject, at in self._full_at.items() if at > now}


def headers_openai(standing: Standing) -> list[tuple[bytes, bytes]]:
    """`x-ratelimit-*` as OpenAI's SDK users read them; the reset is a duration."""
    values = (standing.limit, standing.remaining, _duration(standing.reset_seconds))
    return [
        (f"x-ratelimit-{name}-requests".encode(), str(value).encode())
        for name, value in zip(("limit", "remaining", "reset"), values, strict=True)
    ]


def headers_anthropic(standing: Standing) -> list[tuple[bytes, bytes]]:
    """`anthropic-ratelimit-requests-*`; the reset is a moment (RFC 3339)."""
    reset = datetime.now(UTC) + timedelta(seconds=standing.reset_seconds)
    values = (standing.limit, standing.remaining, reset.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return [
        (f"anthropic-ratelimit-requests-{name}".encode(), str(value).encode())
        for name, value in zip(("limit", "remaining", "reset"), values, strict=True)
    ]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(math.ceil(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


RATE_HEADERS: Mapping[ClientProtocol, Callable[[Standing], list[tuple[bytes, bytes]]]] = {
    "openai_chat": headers_openai,
    "openai_responses": headers_openai,
    "openai_embeddings": headers_openai,
    "anthropic_messages": lambda standing: headers_openai(standing) + headers_anthropic(standing),
}
