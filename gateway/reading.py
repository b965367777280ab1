"""One upstream answer as it is read: metered, converted, and its end kept back until the charge is durable."""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import ModuleType
from typing import Any

import msgspec

from catalog.pricing import Usage
from gateway.convert.conversion import Conversion, StreamConversion
from gateway.errors import GatewayError
from gateway.failures import cut_error, error_of_event, event_secret_free, failure_of_break, failure_of_event
from gateway.tally import Tally
from gateway.wire.body import BodyInvalid
from gateway.wire.sse import Event, EventParser
from gateway.wire.stream import Seen


class Reading:
    """Feed it what arrives; it gives what the client may have at once, and keeps the `tail` for after the charge.

    Before content, what goes wrong raises `UpstreamFailure` or `msgspec.DecodeError`: another route may do better.
    Later it is the `failure`. `same_protocol`: what comes after an end or an error goes along as it is.
    Output beyond `covered_tokens`, for which no money is held, `waits` inside until that is raised.
    """

    def __init__(self, wire: ModuleType, conversion: Conversion, *, same_protocol: bool, covered_tokens: int) -> None:
        self._wire = wire
        self._conversion = conversion
        self._parser = EventParser()
        self._reader = wire.StreamReader()
        self.same_protocol = same_protocol
        self._waiting: deque[Event] = deque()
        self.covered_tokens = covered_tokens
        self.tally = Tally()
        self.ended = False
        self.stopped_short = False
        self.failure: GatewayError | None = None
        self.tail = b""

    @cached_property
    def _stream(self) -> StreamConversion:
        """Whole answers need none."""
        return self._conversion.stream()

    @property
    def over(self) -> bool:
        """Whether the answer has ended, properly or not."""
        return self.ended or self.failure is not None

    @property
    def waits(self) -> bool:
        """Whether there is output that money must be held for first."""
        return bool(self._waiting) and not self.over

    def feed(self, chunk: bytes) -> bytes:
        """Some bytes of a stream; none go on with what waits."""
        return self._feed(self._parser.feed(chunk))

    def feed_rest(self, *, whole_only: bool) -> bytes:
        """There are no more bytes: what is left, an event whose blank line never came among them or not."""
        return self._feed([event for event in self._parser.finish() if event.is_whole or not whole_only])

    def take_whole(self, whole: bytes) -> None:
        """A whole answer: metered, and checked to be one."""
        try:
            seen = self._wire.answer_read(whole)
        except BodyInvalid as invalid:
            raise failure_of_break() from invalid
        if seen.error is not None:
            raise failure_of_event(seen.error)
        self.tally.observe(seen, now=time.perf_counter())
        try:
            self.tail = self._conversion.answer(whole)
        except BodyInvalid as invalid:
            raise failure_of_break() from invalid
        self.ended = True

    def stop_short(self, told: Usage) -> None:
        """End the stream ourselves, as one that reached its maximum."""
        if self.over:
            return
        try:
            self.tail = self._stream.stop_short(told)
        except msgspec.DecodeError:  # What has come so far cannot be made whole.
            self.failure = cut_error()
            return
        self.ended = self.stopped_short = True

    def failed(self, error: Mapping[str, Any]) -> bytes:
        """What the client's protocol says of an error in mid-stream; none where any error event will do."""
        return self._stream.failed(error)

    def break_off(self) -> None:
        """The upstream did. After its proper end, or an error of its own, that changes nothing."""
        if not self.ended:
            self.failure = self.failure or cut_error()

    def _feed(self, events: Sequence[Event]) -> bytes:
        """Meter and convert; stops at the end or at an error, whose bytes become the tail."""
        self._waiting.extend(events)
        pieces = []
        while self._waiting and (self.over or self.tally.output_tokens_bound <= self.covered_tokens):
            event = self._waiting.popleft()
            seen = self._reader.feed(event)
            self.tally.observe(seen, now=time.perf_counter())
            if not self.ended and not self._goes_on(seen):
                break
            try:
                piece = self._stream.feed(event, usage_only=seen.usage_only)
            except msgspec.DecodeError:
                if self.tally.first_content is None:
                    raise
                self.failure = self.failure or cut_error()  # What came before it is still the client's.
                break
            if not self.over and not seen.ended:
                pieces.append(piece)
            elif not self._take_tail(piece, ended=seen.ended):
                break
        return b"".join(pieces)

    def _goes_on(self, seen: Seen) -> bool:
        """Note an error; False where the upstream says that it is done, and is not."""
        if seen.error is not None and self.failure is None:
            if self.tally.first_content is None:
                raise failure_of_event(seen.error)
            self.failure = error_of_event(seen.error)
        if seen.closing and not seen.ended and self.failure is None:
            self.failure = cut_error()
            return False
        return True

    def _take_tail(self, piece: bytes, *, ended: bool) -> bool:
        """What may only be sent after the charge; whether more of it is wanted."""
        if self.failure is not None:
            self.tail += event_secret_free(piece)
            return bool(self.tail)  # Where it is empty we say it in our words, and nothing that comes after.
        self.tail += piece
        if ended and not self.ended:
            self.ended = True
            self.tail += self._stream.finish()
        return self.same_protocol
