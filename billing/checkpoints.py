"""Progress of a process's live requests, and more money for those that need it: one statement for all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import anyio
import msgspec
import psycopg

from billing.batches import CALL_SECONDS, LedgerUnavailable, Pool
from billing.fault_points import point

HOLD_SECONDS = 60.0
# So many requests in one statement: it holds the locks of the wallets that it takes money from.
REQUESTS_MAX = 1_000
_QUERY = """
    SELECT n, decision, available_nanos
      FROM ledger_progress(%s::uuid[], %s::bigint[], %s::bigint[], %s::text[]::jsonb[], %s::bigint[],
                           make_interval(secs => %s))"""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a live request has used so far, and how much more money it wants to hold.

    `evidence` are columns of its usage record, should its gateway die now; None: as before.
    """

    request_id: UUID
    wallet_id: int
    charge_nanos: int
    evidence: Mapping[str, Any] | None
    extend_nanos: int


@dataclass(frozen=True, slots=True)
class ProgressAnswer:
    """`decision` is granted, gone, busy, insufficient, debt, frozen, or a limit that is reached."""

    decision: str
    available_nanos: int


async def progress_send(
    pool: Pool, requests: Sequence[Progress], *, hold_seconds: float = HOLD_SECONDS
) -> list[ProgressAnswer]:
    """Record and renew; the answers in the order of `requests`.

    After `LedgerUnavailable` some may have been granted: a hold that is larger than its gateway knows is no harm.
    """
    answers: list[ProgressAnswer] = []
    for start in range(0, len(requests), REQUESTS_MAX):
        answers += await _send(pool, requests[start : start + REQUESTS_MAX], hold_seconds)
    return answers


async def _send(pool: Pool, requests: Sequence[Progress], hold_seconds: float) -> list[ProgressAnswer]:
    columns = (
        [request.request_id for request in requests],
        [request.wallet_id for request in requests],
        [request.charge_nanos for request in requests],
        [None if one.evidence is None else msgspec.json.encode(one.evidence).decode() for one in requests],
        [request.extend_nanos for request in requests],
        hold_seconds,
    )
    try:
        with anyio.fail_after(CALL_SECONDS):
            async with pool.connection() as connection:
                rows = await (await connection.execute(_QUERY, columns, prepare=True)).fetchall()
    except (psycopg.Error, OSError) as error:  # A time-out is an OSError.
        raise LedgerUnavailable(str(error) or type(error).__name__) from error
    point("checkpoint.after_commit")
    found = {n: ProgressAnswer(decision, available or 0) for n, decision, available in rows}
    return [found[n] for n in range(1, len(requests) + 1)]
