"""One request's dealings upstream: candidates tried until content, then what the client gets, piece by piece."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import anyio
import msgspec
import structlog

from billing.attempts import Attempt
from billing.fault_points import point
from billing.holds import Outcome, Source
from catalog.pricing import TOKENS_UNBOUNDED, Usage
from catalog.snapshot import Route
from gateway.ask import Ask, converted
from gateway.endpoints import answers_path, upstream_headers, upstream_path, wire_of
from gateway.errors import GatewayError, Reason
from gateway.failures import UpstreamFailure, failure_of_break, failure_of_status, failure_of_timeout
from gateway.reading import Reading
from gateway.tally import Result
from gateway.tries import try_failed, try_left
from gateway.upstream import UpstreamAnswer, UpstreamBroken, Upstreams, UpstreamSlow
from gateway.wire.sse import EventTooLarge

log = structlog.get_logger(__name__)
# How long an answer is read on for a client that left.
DRAIN_SECONDS = 300.0
# Keep-alives and other bytes without content that may come before an attempt is given up.
PRELUDE_BYTES_MAX = 256 * 1024
# An upstream that said "error" may say this much longer what it has to say, and one that ended properly this much.
LAST_WORDS_SECONDS = 1.0
AFTER_END_SECONDS = 0.05
AFTER_END_BYTES_MAX = 1024 * 1024


class Exchange:
    """Open it, iterate `pieces`, take `result` and `tail`; used as an async context manager, it leaves no connection.

    `tail` is what may only be sent once the charge is durable: the proper end of a stream, or a whole answer.
    Whatever waits for the upstream runs inside `scope`, so that leaving can cut it.
    """

    def __init__(self, upstreams: Upstreams, ask: Ask) -> None:
        self._upstreams = upstreams
        self._ask = ask
        self._stack = AsyncExitStack()
        self._started = time.perf_counter()
        self._chunks: AsyncIterator[bytes] | None = None
        self._reading: Reading | None = None
        self._failure: GatewayError | None = None
        self._attempts: list[Attempt] = []
        self._prelude = b""
        self._accepted = False
        self._status_out = False
        self.scope = anyio.CancelScope()
        self.route: Route | None = None
        self.client_left = False
        self.covered_tokens = TOKENS_UNBOUNDED  # output that may be given, because money is held for it
        self.dropped: tuple[str, ...] = ()  # fields of the request that the route does not take

    async def __aenter__(self) -> "Exchange":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._upstreams.drain_end(self)
        with anyio.CancelScope(shield=True):
            await self._stack.aclose()

    @property
    def output_tokens_bound(self) -> int:
        """How many output tokens were seen so far, at most."""
        return self._reading.tally.output_tokens_bound if self._reading else 0

    @property
    def output_tokens_likely(self) -> int:
        """How many there may be, unseen ones included."""
        return self._reading.tally.output_tokens_likely if self._reading else 0

    @property
    def prompt_tokens(self) -> int | None:
        """The prompt's tokens, once the upstream told them."""
        return self._reading.tally.prompt_tokens if self._reading else None

    @property
    def failure(self) -> GatewayError | None:
        """What the client is told in place of an end."""
        return self._failure or (self._reading.failure if self._reading else None)

    @property
    def tail(self) -> bytes:
        """What is sent last."""
        return self._reading.tail if self._reading and self._failure is None else b""

    async def open(self, candidates: Sequence[Route]) -> None:
        """Try the routes in order until one gives content; raises the last one's `GatewayError` when none does."""
        for route in candidates:
            started = time.perf_counter()
            try:
                await self._attempt(route)
            except UpstreamFailure as failure:
                began_ms, ended_ms = self._ms(started), self._ms(time.perf_counter())
                self._attempts.append(try_failed(route, failure.error, began_ms=began_ms, ended_ms=ended_ms))
                await self._stack.aclose()
                self._accepted, self._reading = False, None
                log.warning("upstream_failed", provider=route.provider.slug, reason=failure.error.reason.name)
                if not failure.next_route or route is candidates[-1] or self.client_left:
                    raise failure.error from failure
            else:
                return
        raise GatewayError(Reason.MODEL_UNKNOWN, "This model has no route.")

    def status_commit(self) -> tuple[str, ...]:
        """The client is promised a stream, whatever comes; what the request lost so far."""
        self._status_out = True
        return self.dropped

    async def pieces(self) -> AsyncIterator[bytes]:
        """What the client may have at once: everything of a stream but its proper end. Never raises: see `failure`."""
        if self._prelude:
            yield self._prelude
        if self._chunks is None or self._reading is None:
            return
        reading = self._reading
        try:
            while not reading.over:
                reading.covered_tokens = self.covered_tokens
                if reading.waits:
                    piece = reading.feed(b"")
                elif (chunk := await anext(self._chunks, None)) is None:
                    piece = reading.feed_rest(whole_only=True)
                    if not reading.waits:
                        reading.break_off()
                else:
                    piece = reading.feed(chunk)
                if piece or reading.waits:
                    yield piece  # None, where more money is needed first.
            if reading.tail and not reading.stopped_short:
                await self._hear_out(reading, AFTER_END_SECONDS if reading.ended else LAST_WORDS_SECONDS)
        except (UpstreamBroken, EventTooLarge, msgspec.DecodeError):
            reading.break_off()

    def failed(self, error: Mapping[str, Any]) -> bytes:
        """What the client's protocol says of an error in mid-stream; none where any error event will do."""
        return self._reading.failed(error) if self._reading else b""

    def leave(self) -> None:
        """The client left. Where hanging up stops the provider's bill we do so; else the answer is read to its end."""
        self.client_left = True
        stops_bill = self.route is not None and not self.route.provider.bills_on_disconnect
        if self._ask.stream and (stops_bill or not self._accepted):
            self.scope.cancel()
        elif not self._upstreams.drain_begin(self):
            log.error("drain_refused", provider=self.route.provider.slug if self.route else None)
            self.scope.cancel()
        else:
            self.scope.deadline = min(self.scope.deadline, anyio.current_time() + DRAIN_SECONDS)

    def limit_output(self, output_tokens: int) -> None:
        """Ask the upstream for at most so many tokens, where the client named no maximum."""
        self._ask = replace(self._ask, max_output_tokens=output_tokens)

    def stop_short(self) -> None:
        """The money ends: the stream ends properly, as one at its maximum, and is charged for what it gave."""
        if self._reading is not None:
            usage, _ = self._reading.tally.usage(ended=False, prompt_bytes=self._ask.prompt_bytes)
            self._reading.stop_short(usage)

    def abort(self, failure: GatewayError) -> None:
        """End now, with an error."""
        self._failure = self.failure or failure
        self.scope.cancel()

    def result(self) -> Result:
        """The outcome and what was used, metered where the upstream said it, else estimated from what was seen."""
        outcome = self._outcome()
        reading = self._reading
        first = reading.tally.first_content if reading else None
        source: Source = "none"
        usage, flags = Usage(), frozenset[str]()
        if reading is not None and outcome != "void":
            told = reading.ended and not reading.stopped_short
            usage, source = reading.tally.usage(ended=told, prompt_bytes=self._ask.prompt_bytes)
            missing = source == "estimated" and not reading.stopped_short
            flags = reading.tally.flags | ({"missing"} if missing else set())
        attempts = tuple(self._attempts)
        if outcome == "void" and self.client_left and (reading is not None or not attempts):
            attempts += (try_left(attempts, self.route, now_ms=self._ms(time.perf_counter())),)
        return Result(
            outcome,
            source,
            usage,
            self.route if self._accepted else None,
            None if first is None else self._ms(first),
            self._ms(time.perf_counter()),
            attempts,
            flags,
        )

    def _ms(self, moment: float) -> int:
        """Milliseconds since the request began."""
        return int((moment - self._started) * 1000)

    def _outcome(self) -> Outcome:
        if not self._accepted or self._reading is None:
            return "void"
        if self._reading.ended:
            return "completed"
        if self.client_left:
            return "client_gone"
        # Nothing for nothing: an upstream that failed before content costs the customer nothing.
        return "upstream_error" if self._reading.tally.first_content is not None else "void"

    async def _attempt(self, route: Route) -> None:
        ask = self._ask
        self.route = route
        conversion = converted(ask, route)
        self.dropped = conversion.dropped
        reading = Reading(
            wire_of(ask.protocol, route.protocol),
            conversion,
            same_protocol=route.protocol == ask.protocol,
            covered_tokens=self.covered_tokens,
        )
        self._reading = reading
        point("pump.before_upstream")
        try:
            with anyio.fail_after(route.provider.first_content_seconds):
                answer = await self._stack.enter_async_context(
                    self._upstreams.post(
                        route,
                        upstream_path(route, ask.headers, answers_path(ask.protocol, route.protocol)),
                        conversion.body,
                        upstream_headers(route, ask.headers, stream=ask.stream),
                    )
                )
                if answer.status != 200:
                    raise await self._refusal(answer, route)
                self._accepted = True
                if ask.stream and answer.content_type == "text/event-stream":
                    await self._await_content(answer, reading)
                    return
                if self._status_out:
                    raise failure_of_break()  # No stream, where one has begun.
                whole = await answer.body()
        except (UpstreamSlow, TimeoutError) as slow:
            raise failure_of_timeout() from slow
        except (UpstreamBroken, EventTooLarge, msgspec.DecodeError) as broken:
            raise failure_of_break() from broken
        reading.take_whole(whole)

    async def _refusal(self, answer: UpstreamAnswer, route: Route) -> UpstreamFailure:
        body = await answer.error_body()
        return failure_of_status(answer.status, body, answer.header, client=self._ask.protocol, upstream=route.protocol)

    async def _await_content(self, answer: UpstreamAnswer, reading: Reading) -> None:
        """Read until content commits us to this route; what came before it waits in the prelude."""
        self._chunks = answer.chunks()
        prelude, size = [], 0
        async for chunk in self._chunks:
            size += len(chunk)
            prelude.append(reading.feed(chunk))
            if reading.tally.first_content is not None or reading.ended:
                self._prelude = b"".join(prelude)
                return
            if size > PRELUDE_BYTES_MAX:
                raise failure_of_break()
        self._prelude = b"".join([*prelude, reading.feed_rest(whole_only=False)])
        if not reading.ended:
            raise failure_of_break()

    async def _hear_out(self, reading: Reading, seconds: float) -> None:
        """What an upstream says after its error, or after its end, goes along where it is relayed as it is."""
        if not reading.same_protocol or self._chunks is None:
            return
        with anyio.move_on_after(seconds):
            async for chunk in self._chunks:
                reading.feed(chunk)
                if len(reading.tail) > AFTER_END_BYTES_MAX:
                    return
