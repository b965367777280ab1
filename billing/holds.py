"""The gateway's door to money: async hold and finish, batched into one round trip at a time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import anyio
import psycopg

from billing.attempts import Attempt, attempts_encode
from billing.batches import Batcher, LedgerUnavailable as LedgerUnavailable, Pool
from billing.checkpoints import HOLD_SECONDS
from billing.fault_points import point
from catalog.pricing import Usage

Outcome = Literal["completed", "client_gone", "upstream_error", "void"]
Source = Literal["upstream", "counted", "estimated", "none"]

HOLDS_WAITING_MAX = 2_000
# A finish is money that was earned: it waits rather than being refused.
FINISHES_WAITING_MAX = 20_000
STOP_SECONDS = 5.0


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
    """`decision` is held, exists, resolved, conflict, insufficient, debt, frozen or invalid, or whose limit is reached.

    That is key_limit, member_limit or organization_budget.

    When money is short, `available_nanos` is what the smallest purse still has: the wallet, or the limit `limit_id`.
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
    # Not known to versions before: what they spooled has none.
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class FinishAnswer:
    """`result` is charged, late, duplicate, conflict or unknown; then what the wallet paid and what we bore."""

    result: str
    charged_nanos: int
    write_off_nanos: int


class LedgerClient:
    """Hold and finish for one gateway process. The pool's connections autocommit and have time-outs of their own."""

    def __init__(self, pool: Pool, lease_id: int, *, hold_seconds: float = HOLD_SECONDS) -> None:
        self._finishes = Batcher(pool, _FinishCalls(), waiting_max=FINISHES_WAITING_MAX)
        self._hold_calls = _HoldCalls(lease_id, hold_seconds, self._finishes)
        self._holds = Batcher(pool, self._hold_calls, waiting_max=HOLDS_WAITING_MAX)

    def lease_use(self, lease_id: int) -> None:
        """Hold under another lease from now on."""
        self._hold_calls.lease_id = lease_id

    async def run(self) -> None:
        """The two batching loops, until cancelled; then the finishes that still wait are sent."""
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._holds.run)
                group.start_soon(self._finishes.run)
        finally:
            self._holds.close()
            with anyio.move_on_after(STOP_SECONDS, shield=True):
                await self._finishes.flush()
            self._finishes.close()

    async def hold(self, request: HoldRequest) -> HoldAnswer:
        """Ask for money; a caller that is cancelled meanwhile holds nothing.

        After `LedgerUnavailable` the hold may exist: `give_back`.
        """
        return await self._holds.submit(request)

    def give_back(self, request: HoldRequest) -> None:
        """Void a hold that may exist, without waiting: should that fail for long, the reaper does it."""
        self._finishes.post(_void(request))

    async def finish(self, request: FinishRequest) -> FinishAnswer:
        """Charge a request, once; it is sent even if its caller is cancelled meanwhile.

        After `LedgerUnavailable` the charge may exist: finish again with the same id, and `duplicate` says so.
        """
        return await self._finishes.submit(request)


class _HoldCalls:
    sends_abandoned = False
    query = """
        SELECT n, decision, available_nanos, limit_id
          FROM ledger_hold(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[],
                           %s::bigint[], %s, make_interval(secs => %s))"""

    def __init__(self, lease_id: int, hold_seconds: float, finishes: Batcher[FinishRequest, FinishAnswer]) -> None:
        self.lease_id = lease_id
        self._hold_seconds = hold_seconds
        self._finishes = finishes

    async def execute(
        self, connection: psycopg.AsyncConnection[Any], requests: Sequence[HoldRequest]
    ) -> Mapping[int, HoldAnswer]:
        columns = (
            _array([request.request_id.hex for request in requests]),
            _array([request.wallet_id for request in requests]),
            _array([request.api_key_id for request in requests]),
            _array([request.member_id for request in requests]),
            _array([request.model_id for request in requests]),
            _array([request.price_version_id for request in requests]),
            [request.client_protocol for request in requests],
            _array([request.amount_nanos for request in requests]),
            self.lease_id,
            self._hold_seconds,
        )
        point("hold.before_commit")
        cursor = await connection.execute(self.query, columns, prepare=True)
        point("hold.after_commit")
        return {
            n - 1: HoldAnswer(decision, requests[n - 1].amount_nanos, available_nanos or 0, limit_id)
            for n, decision, available_nanos, limit_id in await cursor.fetchall()
        }

    def retried(self, answer: HoldAnswer) -> HoldAnswer:
        if answer.decision != "exists":
            return answer
        return HoldAnswer("held", answer.required_nanos, answer.available_nanos, answer.limit_id)

    def abandoned(self, request: HoldRequest, answer: HoldAnswer) -> None:
        """Nobody will finish this hold: give the money back."""
        if answer.decision == "held":
            self._finishes.post(_void(request))


class _FinishCalls:
    sends_abandoned = True
    query = """
        SELECT n, result, charged_nanos, write_off_nanos
          FROM ledger_finish(%s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::bigint[],
                             %s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
                             %s::bigint[], %s::bigint[], %s::int[], %s::int[], %s::text[]::jsonb[])"""

    async def execute(
        self, connection: psycopg.AsyncConnection[Any], requests: Sequence[FinishRequest]
    ) -> Mapping[int, FinishAnswer]:
        usages = [request.usage for request in requests]
        columns = (
            _array([request.request_id.hex for request in requests]),
            _array([request.wallet_id for request in requests]),
            [request.outcome for request in requests],
            [request.source for request in requests],
            _array([request.charge_nanos for request in requests]),
            _array([request.cost_nanos for request in requests]),
            _array([request.route_id for request in requests]),
            [request.upstream_protocol for request in requests],
            _array([usage.input_tokens for usage in usages]),
            _array([usage.cache_read_tokens for usage in usages]),
            _array([usage.cache_write_5m_tokens for usage in usages]),
            _array([usage.cache_write_1h_tokens for usage in usages]),
            _array([usage.output_tokens for usage in usages]),
            _array([usage.reasoning_tokens for usage in usages]),
            _array([request.first_content_ms for request in requests]),
            _array([request.duration_ms for request in requests]),
            _attempts(requests),
        )
        point("finish.before_commit")
        cursor = await connection.execute(self.query, columns, prepare=True)
        point("finish.after_commit")
        return {n - 1: FinishAnswer(*answer) for n, *answer in await cursor.fetchall()}

    def retried(self, answer: FinishAnswer) -> FinishAnswer:
        return answer

    def abandoned(self, request: FinishRequest, answer: FinishAnswer) -> None:
        """It is charged; that was all there was to do."""


def _void(request: HoldRequest) -> FinishRequest:
    return FinishRequest(
        request_id=request.request_id,
        wallet_id=request.wallet_id,
        outcome="void",
        source="none",
        charge_nanos=0,
        cost_nanos=0,
        route_id=None,
        upstream_protocol=None,
        usage=Usage(),
        first_content_ms=None,
        duration_ms=0,
    )


def _attempts(requests: Sequence[FinishRequest]) -> list[str | None] | None:
    """Nothing at all for the usual batch, in which nothing failed."""
    if not any(request.attempts for request in requests):
        return None
    return [attempts_encode(request.attempts) for request in requests]


def _array(values: Iterable[int | str | None]) -> str:
    """An array as PostgreSQL reads it: cheaper than a list, and of one type however large the numbers are."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"
