"""The money of one request: a hold before it starts, and exactly one finish on every way out."""

from types import TracebackType
from uuid import UUID

import anyio
import structlog

from billing.fault_points import point
from billing.holds import FinishRequest, HoldAnswer, HoldRequest, LedgerUnavailable
from billing.refusals import Short
from billing.spool import SpoolFailed
from catalog.pricing import charge_nanos
from gateway.admission import Party
from gateway.ask import Ask
from gateway.errors import GatewayError, Reason
from gateway.exchange import Exchange
from gateway.refusals import MONEY_SHORT, hold_refusal
from gateway.renewal import Renewal
from gateway.runtime import Runtime
from gateway.tally import Result

log = structlog.get_logger(__name__)
RETRY_SECONDS_FIRST, RETRY_SECONDS_MAX, RETRIES = 0.2, 10.0, 60
# Others spend while we ask: so often what is available may change under us.
HOLD_TRIES = 3


class Bill:
    """The one hold and the one finish of a request, as an async context manager around both.

    `hold` raises 402 or 503. `cover` keeps a stream within what it holds. `settle` charges; leaving without it charges
    what was metered until then.
    """

    def __init__(self, runtime: Runtime, request_id: UUID, party: Party, ask: Ask, exchange: Exchange) -> None:
        self._runtime = runtime
        self._request_id = request_id
        self._party = party
        self._ask = ask
        self._exchange = exchange
        self._open = False  # A hold exists: only then is there something to finish.
        self._renewal = Renewal(runtime.checkpoints, request_id, party.wallet_id, ask=ask, exchange=exchange)
        self.charged_nanos = 0
        # To how many output tokens of each choice the balance limited the answer; None: it did not.
        self.max_tokens_affordable: int | None = None

    async def hold(self) -> None:
        """Reserve all that a whole answer can cost, or a stream's prompt and a slice of output.

        Less where less is there, and the stream can be stopped or the answer be asked for with a maximum.
        """
        funds, tries = self._renewal.funds, 0
        nanos = funds.first_nanos
        while (answer := await self._hold(nanos)).decision != "held":
            tries += 1
            may_shrink = answer.decision in MONEY_SHORT and tries < HOLD_TRIES
            shrunk = funds.shrunk_nanos(answer.available_nanos) if may_shrink else None
            if shrunk is None:
                affordable = funds.affordable_tokens(answer.available_nanos) // self._ask.choices
                if answer.decision == "insufficient":
                    short = Short(answer.required_nanos, answer.available_nanos)
                    self._runtime.announcer.refused(self._party.caller.organization_id, short)
                raise await hold_refusal(
                    self._runtime.pool, answer, caller=self._party.caller, affordable_tokens=affordable
                )
            nanos = shrunk
        self._renewal.begin(nanos)
        if nanos < funds.first_nanos and not self._ask.stream:
            self.max_tokens_affordable = funds.covered_tokens_each
            self._exchange.limit_output(self.max_tokens_affordable)

    async def cover(self) -> None:
        """Hold enough for what the stream gave so far; ends the stream where the money ends."""
        await self._renewal.cover()

    async def __aenter__(self) -> "Bill":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Every exit pays: an error, a cancellation or a client that left must neither leak the hold nor lose a charge.
        self._renewal.end()
        if not self._open:
            return
        with anyio.CancelScope(shield=True):
            try:
                await self._finish()
            except SpoolFailed:
                self._runtime.background(self._finish_stubbornly)

    async def settle(self) -> None:
        """Make the charge durable, in the ledger or in the spool; a 503 when neither takes it (it is tried again)."""
        self._renewal.end()
        try:
            await self._finish()
        except SpoolFailed as error:
            message = "The charge of this request could not be recorded yet; it will be charged once."
            raise GatewayError(Reason.UNAVAILABLE, message, charged=True) from error
        point("finish.after_commit_before_done")

    async def _hold(self, nanos: int) -> HoldAnswer:
        ask, caller = self._ask, self._party.caller
        wanted = HoldRequest(
            self._request_id,
            self._party.wallet_id,
            caller.api_key_id,
            caller.member_id,
            ask.model.id,
            ask.model.price_version_id,
            ask.protocol,
            nanos,
        )
        if not self._runtime.spool.admits:
            message = "This server's disk is full, so a charge might find no place. Nothing was charged; try again."
            raise GatewayError(Reason.UNAVAILABLE, message, retry_after="5")
        try:
            answer = await self._runtime.ledger.hold(wanted)
        except LedgerUnavailable as error:
            self._runtime.ledger.give_back(wanted)
            message = "The ledger is out of reach. Nothing was charged; try again."
            raise GatewayError(Reason.UNAVAILABLE, message, retry_after="2") from error
        self._open = answer.decision == "held"
        if self._open:
            self._runtime.announcer.moved(caller.organization_id)
        return answer

    async def _finish(self) -> None:
        result = self._exchange.result()
        request = self._request_of(result)
        try:
            answer = await self._runtime.ledger.finish(request)
        except LedgerUnavailable:
            await self._runtime.spool.append(request)
            self._open = False
            log.warning("finish_spooled", request_id=str(self._request_id))
            return
        self._open = False
        self._runtime.announcer.moved(self._party.caller.organization_id)
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
            except SpoolFailed:
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
            result.attempts,
        )
