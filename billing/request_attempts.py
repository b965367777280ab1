"""Every candidate of a request in the order it was tried: those that gave nothing, and the one that answered."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from billing.attempts import NO_ROUTE, Attempt
from catalog.lookups import route_providers_public

ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One attempt as its customer may see it. `reason` is `ANSWERED` for the one that gave content."""

    provider: str
    protocol: str
    status: int
    reason: str
    started_ms: int
    duration_ms: int

    @property
    def answered(self) -> bool:
        """Whether content came: only then was anything charged."""
        return self.reason == ANSWERED


def attempts_shown(
    failed: Sequence[Attempt], *, route_id: int | None, protocol: str | None, duration_ms: int | None
) -> tuple[AttemptRow, ...]:
    """The failed ones, then the request's own route, which took the rest of the time."""
    attempts = [attempt for attempt in failed if attempt.route_id != NO_ROUTE]
    if route_id is not None:
        began = attempts[-1].started_ms + attempts[-1].duration_ms if attempts else 0
        attempts.append(Attempt(route_id, protocol or "", 200, ANSWERED, began, max((duration_ms or 0) - began, 0)))
    names = _provider_names([attempt.route_id for attempt in attempts])
    return tuple(
        AttemptRow(
            provider=names[attempt.route_id],
            protocol=attempt.protocol,
            status=attempt.status,
            reason=attempt.reason,
            started_ms=attempt.started_ms,
            duration_ms=attempt.duration_ms,
        )
        for attempt in attempts
    )


def _provider_names(route_ids: Sequence[int]) -> dict[int, str]:
    """Public names; a provider without one is numbered in the order it was tried."""
    if not route_ids:
        return {}
    known = route_providers_public(route_ids=route_ids)
    # A route that is gone counts as a provider of its own.
    keys = [(known[one].provider_id, "") if one in known else (0, str(one)) for one in route_ids]
    places = {key: place for place, key in enumerate(dict.fromkeys(keys), 1)}
    return {
        one: (known[one].public_name if one in known else "") or _("Provider %(number)s") % {"number": places[key]}
        for one, key in zip(route_ids, keys, strict=True)
    }
