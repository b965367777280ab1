"""One request's dealings upstream: candidates tried until content, then what the client gets, piece by piece."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import anyio
import msgspec
import structlog

from billing.holds import Outcome, Source
from catalog.pricing import Usage
from catalog.snapshot import Route
from gateway.ask import Ask, converted
from gateway.convert.conversion import Conversion, StreamConversion
from gateway.endpoints import WIRES, upstream_headers, upstream_path
from gateway.errors import GatewayError, Reason
from gateway.failures import (
    UpstreamFailure,
    cut_error,
    error_of_event,
    event_secret_free,
    failure_of_break,
    failure_of_event,
    failure_of_status,
    failure_of_timeout,
)
from gateway.tally import Result, Tally
from gateway.upstream import UpstreamAnswer, UpstreamBroken, Upstreams, UpstreamSlow
from gateway.wire.body import BodyInvalid
from gateway.wire.sse import Event, EventParser, EventTooLarge
from gateway.wire.stream import Seen

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
    """

    def __init__(self, upstreams: Upstreams, ask: Ask) -> None:
        self._upstreams = upstreams
        self._ask = ask
        self._stack = AsyncExitStack()
        self._started = time.perf_counter()
        self._chunks: AsyncIterator[bytes] | None = None
        self._conversion: StreamConversion | None = None
        self._prelude = b""
        self._accepted = False
        self._ended = False
        self._status_out = False
        self._tally = Tally()
        self.route: Route | None = None
        self.failure: GatewayError | None = None
        self.client_left = False
        self.tail = b""
        self.dropped: tuple[str, ...] = ()  # fields of the request that the route does not take

    async def __aenter__(self) -> "Exchange":
        return self

    async def __aexit__(self, *_: object) -> None:
        with anyio.CancelScope(shield=True):
            await self._stack.aclose()

    async def open(self, candidates: Sequence[Route]) -> None:
        """Try the routes in order until one gives content; raises the last one's `GatewayError` when none does."""
        for route in candidates:
            try:
                await self._attempt(route)
            except UpstreamFailure as failure:
                await self._stack.aclose()
                self._accepted = False
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
        if self._chunks is None:
            return
        try:
            while not self._over():
                if (chunk := await anext(self._chunks, None)) is None:
                    piece = self._feed_events([event for event in self._parser.finish() if event.is_whole])
                    if not self._over():
                        self.failure = cut_error()
                else:
                    piece = self._feed(chunk)
                if piece:
                    yield piece
            if self._over() and self.tail:
                await self._hear_out(AFTER_END_SECONDS if self._ended else LAST_WORDS_SECONDS)
        except (UpstreamBroken, EventTooLarge, msgspec.DecodeError):
            if not self._ended:
                self.failure = self.failure or cut_error()

    def leave(self, scope: anyio.CancelScope) -> None:
        """The client left. Where hanging up stops the provider's bill we do so; else the answer is read to its end."""
        self.client_left = True
        stops_bill = self.route is not None and not self.route.provider.bills_on_disconnect
        if self._ask.stream and (stops_bill or not self._accepted):
            scope.cancel()
        else:
            scope.deadline = min(scope.deadline, anyio.current_time() + DRAIN_SECONDS)

    def result(self) -> Result:
        """The outcome and what was used, metered where the upstream said it, else estimated from what was seen."""
        outcome = self._outcome()
        source: Source = "none"
        usage = Usage()
        if outcome != "void":
            usage, source = self._tally.usage(ended=self._ended, prompt_bytes=self._ask.prompt_bytes)
        now, first = time.perf_counter(), self._tally.first_content
        return Result(
            outcome,
            source,
            usage,
            self.route if self._accepted else None,
            None if first is None else int((first - self._started) * 1000),
            int((now - self._started) * 1000),
            self._tally.flags | ({"missing"} if source == "estimated" else set()),
        )

    def _over(self) -> bool:
        return self._ended or self.failure is not None

    def _outcome(self) -> Outcome:
        if not self._accepted:
            return "void"
        if self._ended:
            return "completed"
        if self.client_left:
            return "client_gone"
        # Nothing for nothing: an upstream that failed before content costs the customer nothing.
        return "upstream_error" if self._tally.first_content is not None else "void"

    async def _attempt(self, route: Route) -> None:
        ask = self._ask
        self.route = route
        self._wire = WIRES[route.protocol]
        self._reader = self._wire.StreamReader()
        self._tally = Tally()
        conversion = converted(ask, route)
        self.dropped = conversion.dropped
        try:
            with anyio.fail_after(route.provider.first_content_seconds):
                answer = await self._stack.enter_async_context(
                    self._upstreams.post(
                        route,
                        upstream_path(route, ask.headers),
                        conversion.body,
                        upstream_headers(route, ask.headers, stream=ask.stream),
                    )
                )
                if answer.status != 200:
                    raise await self._refusal(answer, route)
                self._accepted = True
                if ask.stream and answer.content_type == "text/event-stream":
                    self._conversion = conversion.stream()
                    await self._await_content(answer)
                    return
                if self._status_out:
                    raise failure_of_break()  # No stream, where one has begun.
                whole = await answer.body()
        except (UpstreamSlow, TimeoutError) as slow:
            raise failure_of_timeout() from slow
        except (UpstreamBroken, EventTooLarge, msgspec.DecodeError) as broken:
            raise failure_of_break() from broken
        self._take_whole(whole, conversion)

    async def _refusal(self, answer: UpstreamAnswer, route: Route) -> UpstreamFailure:
        body = await answer.error_body()
        return failure_of_status(answer.status, body, answer.header, client=self._ask.protocol, upstream=route.protocol)

    async def _await_content(self, answer: UpstreamAnswer) -> None:
        """Read until content commits us to this route; what came before it waits in the prelude."""
        self._parser = EventParser()
        self._chunks = answer.chunks()
        prelude, size = [], 0
        async for chunk in self._chunks:
            size += len(chunk)
            prelude.append(self._feed(chunk))
            if self._tally.first_content is not None or self._ended:
                self._prelude = b"".join(prelude)
                return
            if size > PRELUDE_BYTES_MAX:
                raise failure_of_break()
        self._prelude = b"".join([*prelude, self._feed_events(self._parser.finish())])
        if not self._ended:
            raise failure_of_break()

    def _feed(self, chunk: bytes) -> bytes:
        return self._feed_events(self._parser.feed(chunk))

    def _feed_events(self, events: Sequence[Event]) -> bytes:
        """Meter and convert; stops at the end or at an error, whose bytes become the tail."""
        pieces = []
        conversion = self._conversion
        assert conversion is not None
        for event in events:
            seen = self._reader.feed(event)
            self._tally.observe(seen, now=time.perf_counter())
            if not self._ended and not self._goes_on(seen):
                break
            try:
                piece = conversion.feed(event, usage_only=seen.usage_only)
            except msgspec.DecodeError:
                if self._tally.first_content is None:
                    raise
                self.failure = self.failure or cut_error()  # What came before it is still the client's.
                break
            if not self._over() and not seen.ended:
                pieces.append(piece)
            elif not self._take_tail(piece, conversion, ended=seen.ended):
                break
        return b"".join(pieces)

    def _goes_on(self, seen: Seen) -> bool:
        """Note an error; False where the upstream says that it is done, and is not."""
        if seen.error is not None and self.failure is None:
            if self._tally.first_content is None:
                raise failure_of_event(seen.error)
            self.failure = error_of_event(seen.error)
        if seen.closing and not seen.ended and self.failure is None:
            self.failure = cut_error()
            return False
        return True

    def _take_tail(self, piece: bytes, conversion: StreamConversion, *, ended: bool) -> bool:
        """What may only be sent after the charge; whether more of it is wanted."""
        if self.failure is not None:
            self.tail += event_secret_free(piece)
            return bool(self.tail)  # Where it is empty we say it in our words, and nothing that comes after.
        self.tail += piece
        if ended and not self._ended:
            self._ended = True
            self.tail += conversion.finish()
        return self._same_protocol

    async def _hear_out(self, seconds: float) -> None:
        """What an upstream says after its error, or after its end, goes along where it is relayed as it is."""
        if not self._same_protocol or self._chunks is None:
            return
        with anyio.move_on_after(seconds):
            async for chunk in self._chunks:
                self._feed(chunk)
                if len(self.tail) > AFTER_END_BYTES_MAX:
                    return

    @property
    def _same_protocol(self) -> bool:
        return self.route is not None and self.route.protocol == self._ask.protocol

    def _take_whole(self, whole: bytes, conversion: Conversion) -> None:
        """A whole answer: metered, checked to be one, and kept back until its charge is durable."""
        try:
            seen = self._wire.answer_read(whole)
        except BodyInvalid as invalid:
            raise failure_of_break() from invalid
        if seen.error is not None:
            raise failure_of_event(seen.error)
        self._tally.observe(seen, now=time.perf_counter())
        try:
            self.tail = conversion.answer(whole)
        except BodyInvalid as invalid:
            raise failure_of_break() from invalid
        self._ended = True
