"""The 402 of a spending limit: which limit it is, what is left of it, and when it starts again."""

from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from billing.holds import HoldAnswer
from billing.limits import LimitView, limit_get
from catalog.money import nanos_to_usd
from gateway.errors import GatewayError, Reason

# Refusal: what a person calls the limit, and its scope.
_SUBJECTS = {
    "key_limit": ("spending limit of this API key", "key"),
    "member_limit": ("spending limit of this member", "member"),
    "organization_budget": ("organisation budget", "organization"),
}
_PERIODS = {"daily": "daily ", "weekly": "weekly ", "monthly": "monthly ", "total": ""}


async def limit_refusal(
    pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]], answer: HoldAnswer
) -> GatewayError | None:
    """What to answer when a limit stood in the way; None where something else did."""
    subject = _SUBJECTS.get(answer.decision)
    if subject is None or answer.limit_id is None:
        return None
    name, scope = subject
    required, available = nanos_to_usd(answer.required_nanos), nanos_to_usd(answer.available_nanos)
    metadata: dict[str, object] = {
        "required_usd": required,
        "available_usd": available,
        "reason": answer.decision,
        "scope": scope,
    }
    limit = await _limit(pool, answer.limit_id)
    if limit is not None:
        name = f"{_PERIODS[limit.period]}{name} (${nanos_to_usd(limit.amount_nanos)})"
        metadata |= {
            "period": limit.period,
            "limit_usd": nanos_to_usd(limit.amount_nanos),
            "spent_usd": nanos_to_usd(limit.spent_nanos),
            "held_usd": nanos_to_usd(limit.held_nanos),
            "resets_at": limit.resets_at.isoformat().replace("+00:00", "Z") if limit.resets_at else None,
        }
    message = f"The {name} leaves ${available}; this request may cost up to ${required}."
    if limit is not None and limit.resets_at is not None:
        message += f" It starts again on {limit.resets_at:%Y-%m-%d %H:%M} UTC."
    return GatewayError(Reason.SPENDING_LIMIT, f"{message} Nothing was charged.", metadata=metadata)


async def _limit(pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]], limit_id: int) -> LimitView | None:
    """The refusal stands without it: a database in trouble makes the answer shorter, not another one."""
    try:
        async with pool.connection() as connection:
            return await limit_get(connection, limit_id=limit_id)
    except (psycopg.Error, PoolTimeout, TooManyRequests, TimeoutError):
        return None
