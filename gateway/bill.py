"""The money of one request: a hold before it starts, and exactly one finish on every way out."""

from types import TracebackType
from uuid import UUID

import anyio
import structlog

from billing.holds import FinishRequest, HoldAnswer, HoldRequest, LedgerUnavailable
from catalog.money import nanos_to_usd
from catalog.pricing import bound_nanos, charge_nanos
from gateway.admission import Party
from gateway.ask import Ask
from gateway.errors import GatewayError, Reason
from gateway.exchange import Exchange
from gateway.runtime import Runtime
from gateway.spending import limit_refusal
from gateway.tally import Result

log = structlog.get_logger(__name__)
RETRY_SECONDS_FIRST, RETRY_SECONDS_MAX, RETRIES = 0.2, 10.0, 60
_REASONS = {"frozen": Reason.FROZEN, "debt": Reason.FROZEN}


class Bill:
    """The one hold and the one finish of a request, as an async context manager around both.

    `hold` raises 402 or 503. `settle` charges; leaving without it charges what was metered until then.
    """

    def __init__(self, runtime: Runtime, request_id: UUID, party: Party, ask: Ask, exchange: Exchange) -> None:
        self._runtime = runtime
        self._request_id = request_id
        self._party = party
        self._ask = ask
        self._exchange = exchange
        self._open = False  # A hold exists, or may exist: only then is there something to finish.
        self.charged_nanos = 0

    async def hold(self) -> None:
        """Reserve the most that the request can cost."""
        ask, caller = self._ask, self._party.caller
        wanted = HoldRequest(
            self._request_id,
            self._party.wallet_id,
            caller.api_key_id,
            caller.member_id,
            ask.model.id,
            ask.model.price_version_id,
            ask.protocol,
            bound_nanos(
                prompt_tokens_max=ask.prompt_tokens_max,
                output_tokens_max=ask.output_tokens_max,
                pricing=ask.model.pricing,
            ),
        )
        self._open = True
        try:
            answer = await self._runtime.ledger.hold(wanted)
        except LedgerUnavailable as error:
            message = "The ledger is out of reach. Nothing was charged; try again."
            raise GatewayError(Reason.UNAVAILABLE, message, retry_after="2") from error
        if answer.decision != "held":
            self._open = False
            raise await limit_refusal(self._runtime.pool, answer) or _refusal(answer)

    async def __aenter__(self) -> "Bill":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Every exit pays: an error, a cancellation or a client that left must neither leak the hold nor lose a charge.
        if not self._open:
            return
        with anyio.CancelScope(shield=True):
            try:
                await self._finish()
            except LedgerUnavailable:
                self._runtime.background(self._finish_stubbornly)

    async def settle(self) -> None:
        """Make the charge durable; a 503 when the ledger is out of reach (it is tried again after the answer)."""
        try:
            await self._finish()
        except LedgerUnavailable as error:
            message = "The charge of this request could not be recorded yet; it will be charged once."
            raise GatewayError(Reason.UNAVAILABLE, message, charged=True) from error

    async def _finish(self) -> None:
        result = self._exchange.result()
        answer = await self._runtime.ledger.finish(self._request_of(result))
        self._open = False
        if result.flags and result.route:
            provider = result.route.provider.slug
            log.warning("usage_odd", request_id=str(self._request_id), provider=provider, flags=sorted(result.flags))
        self.charged_nanos = answer.charged_nanos
        if answer.write_off_nanos or answer.result not in ("charged", "duplicate", "unknown"):
            log.error("finish_odd", request_id=str(self._request_id), result=answer.result)

    async def _finish_stubbornly(self) -> None:
        pause = RETRY_SECONDS_FIRST
        for _ in range(RETRIES):
            await anyio.sleep(pause)
            pause = min(pause * 2, RETRY_SECONDS_MAX)
            try:
                return await self._finish()
            except LedgerUnavailable:
                continue
        log.critical("finish_lost", request_id=str(self._request_id))
        return None

    def _request_of(self, result: Result) -> FinishRequest:
        route, usage = result.route, result.usage
        return FinishRequest(
            self._request_id,
            self._party.wallet_id,
            result.outcome,
            result.source,
            charge_nanos(usage, self._ask.model.pricing),
            charge_nanos(usage, route.cost) if route else 0,
            route.id if route else None,
            route.protocol if route else None,
            usage,
            result.first_content_ms,
            result.duration_ms,
        )


def _refusal(answer: HoldAnswer) -> GatewayError:
    required, available = nanos_to_usd(answer.required_nanos), nanos_to_usd(answer.available_nanos)
    metadata = {"required_usd": required, "available_usd": available, "reason": answer.decision}
    if answer.decision == "insufficient":
        message = (
            f"This request may cost up to ${required} and ${available} is available. "
            "Top up, or lower max_tokens. Nothing was charged."
        )
        return GatewayError(Reason.BALANCE, message, metadata=metadata)
    if reason := _REASONS.get(answer.decision):
        message = "This organisation's wallet takes no new requests: it is frozen or in debt. Nothing was charged."
        return GatewayError(reason, message, metadata=metadata)
    return GatewayError(Reason.INTERNAL, "The request could not be admitted. Nothing was charged.")
