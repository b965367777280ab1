"""A gateway process's sign of life: its holds are its own for as long as it renews its lease."""

from typing import Any

import psycopg

from billing.batches import LedgerUnavailable, Pool

# A gateway is taken for dead this long after its last sign of life, by the database's clock.
LEASE_SECONDS = 30.0


async def lease_open(pool: Pool, *, name: str, seconds: float = LEASE_SECONDS) -> int:
    """Register a gateway process; the id under which it holds money."""
    row = await _one(pool, "SELECT gateway_lease_open(%s, make_interval(secs => %s))", name, seconds)
    return int(row[0])


async def lease_renew(pool: Pool, lease_id: int, *, seconds: float = LEASE_SECONDS) -> bool:
    """Say that the process lives; False when the lease is forgotten, and another one must be opened."""
    row = await _one(pool, "SELECT gateway_lease_renew(%s, make_interval(secs => %s))", lease_id, seconds)
    return bool(row[0])


async def _one(pool: Pool, query: str, *arguments: object) -> tuple[Any, ...]:
    try:
        async with pool.connection() as connection:
            row = await (await connection.execute(query, arguments)).fetchone()
    except (psycopg.Error, OSError) as error:
        raise LedgerUnavailable(str(error)) from error
    assert row is not None  # Both functions answer one row.
    return tuple(row)
