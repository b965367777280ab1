"""The hold of one live request: renewed while it runs, grown while it streams, and the stream's end when money ends."""

from typing import Any
from uuid import UUID

import anyio
import structlog

from billing.checkpoints import Progress, ProgressAnswer
from catalog.pricing import charge_nanos
from gateway.ask import Ask
from gateway.checkpoints import OUT_OF_TURN_SECONDS, Checkpoints
from gateway.errors import GatewayError, Reason
from gateway.exchange import Exchange
from gateway.funds import Funds

log = structlog.get_logger(__name__)
# So often a stream that could not have a whole slice asks for what is left, before it is stopped.
SMALLER_TRIES = 3


class Renewal:
    """`begin` it with what was held, `cover` the stream after every piece, `end` it before the request is finished."""

    def __init__(
        self, checkpoints: Checkpoints, request_id: UUID, wallet_id: int, *, ask: Ask, exchange: Exchange
    ) -> None:
        self._checkpoints = checkpoints
        self._request_id = request_id
        self._wallet_id = wallet_id
        self._ask = ask
        self._exchange = exchange
        self._recorded_nanos = 0
        self._renewed_at = float("-inf")
        self._available_nanos: int | None = None  # A refusal said so: less than what was asked.
        self._outage = False
        self._answered = anyio.Event()
        self.funds = Funds(ask)

    def begin(self, nanos: int) -> None:
        """So much is held: keep it."""
        self.funds.hold(nanos)
        self._allow()
        self._checkpoints.add(self)

    def end(self) -> None:
        """The request is about to be finished; what a checkpoint still says no longer matters."""
        self._checkpoints.remove(self)

    async def cover(self) -> None:
        """Hold enough for what the stream gave so far; ends the stream where the money ends."""
        for _ in range(SMALLER_TRIES):
            self.funds.learn(self._exchange.prompt_tokens)
            if not self._is_short():
                return self._allow()
            if not self._outage and not await self._more():
                break
        self._allow()
        if self._is_short():
            log.info("stopped_short", request_id=str(self._request_id), held_nanos=self.funds.held_nanos)
            self._exchange.stop_short()
        return None

    def _allow(self) -> None:
        """Output goes as far as the hold does; in an outage of the ledger somewhat further, at our risk."""
        self._exchange.covered_tokens = self.funds.allowed_tokens(outage=self._outage)

    def progress(self, now: float) -> Progress | None:
        """What to record and to ask for; None where nothing changed and the hold is young."""
        charged, evidence, wanted = 0, None, 0
        if self._ask.stream:
            self.funds.learn(self._exchange.prompt_tokens)
            wanted = self.funds.wanted_nanos(self._exchange.output_tokens_likely)
            charged, evidence = self._so_far()
            if self._available_nanos is not None:
                wanted = min(wanted, self._available_nanos)
        changed = charged > self._recorded_nanos or wanted > 0
        if not changed and now - self._renewed_at < self._checkpoints.renew_seconds:
            return None
        self._renewed_at = now
        return Progress(self._request_id, self._wallet_id, charged, evidence, wanted)

    def progress_answered(self, asked: Progress, answer: ProgressAnswer | None) -> None:
        """What the ledger said to it; None: it is out of reach."""
        self._outage, self._available_nanos = answer is None, None
        if answer is None or answer.decision == "busy":
            self._renewed_at = float("-inf")
        elif answer.decision == "gone":
            self._lost()
        else:
            self._recorded_nanos = max(self._recorded_nanos, asked.charge_nanos)
            if answer.decision == "granted":
                self.funds.hold(self.funds.held_nanos + asked.extend_nanos)
            else:
                self._available_nanos = answer.available_nanos
        self._allow()
        self._answered.set()

    def _is_short(self) -> bool:
        return self._exchange.output_tokens_bound > self.funds.allowed_tokens(outage=self._outage)

    async def _more(self) -> bool:
        """Ask before it is our turn; False where it makes no sense to ask again."""
        self._answered = anyio.Event()
        self._checkpoints.hurry(self)
        with anyio.move_on_after(OUT_OF_TURN_SECONDS) as waiting:
            await self._answered.wait()
        if waiting.cancelled_caught:
            self._outage = True
        return self._available_nanos is None or self.funds.is_worth(self._available_nanos)

    def _lost(self) -> None:
        """The hold was reaped: the process was away for too long. A whole answer is near, and is charged late."""
        self._checkpoints.remove(self)
        log.error("hold_gone", request_id=str(self._request_id))
        if self._ask.stream:
            said = "The reservation of this request ran out. What was sent until now is charged; try again."
            self._exchange.abort(GatewayError(Reason.UNAVAILABLE, said, charged=True))

    def _so_far(self) -> tuple[int, dict[str, Any] | None]:
        """The charge, should the process die now, and the columns of its usage record."""
        result = self._exchange.result()
        route, usage = result.route, result.usage
        if route is None or result.outcome == "void":
            return 0, None
        return charge_nanos(usage, self._ask.model.pricing), {
            "input_tokens": usage.input_tokens,
            "cache_read_tokens": usage.cache_read_tokens,
            "cache_write_5m_tokens": usage.cache_write_5m_tokens,
            "cache_write_1h_tokens": usage.cache_write_1h_tokens,
            "output_tokens": usage.output_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
            "cost_nanos": charge_nanos(usage, route.cost),
            "route_id": route.id,
            "upstream_protocol": route.protocol,
            "first_content_ms": result.first_content_ms,
            "duration_ms": result.duration_ms,
        }
