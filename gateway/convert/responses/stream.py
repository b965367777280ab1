"""Responses: a stream of chat completion chunks as the events of a response."""

from collections.abc import Mapping
from typing import Any

import msgspec

from catalog.pricing import Usage
from gateway.convert.blocks import Blocks
from gateway.convert.conversion import Asked, StreamConversion
from gateway.convert.responses.events import Events
from gateway.convert.responses.output import Items
from gateway.convert.responses.request import Plan
from gateway.convert.responses.response import INCOMPLETE, Frame
from gateway.convert.said import calls_of, choice_of, said_of, texts_of, usage_of
from gateway.convert.usage import usage_told
from gateway.metering import Meter
from gateway.wire.sse import Event, EventParser
from gateway.wire.stream import items, object_decode

PING = b": ping\n\n"


class ResponsesStream:
    """created and in_progress, items as they come, and once the upstream ended properly: completed or incomplete.

    `inner` turns the upstream's events into chunks, where they are none yet.
    """

    def __init__(self, asked: Asked, plan: Plan, inner: StreamConversion | None) -> None:
        self._asked = asked
        self._inner = inner
        self._items = Items(plan)
        self._events = Events(self._items)
        self._blocks = Blocks(self._events)
        self._meter = Meter()
        self._started = False
        self._finish_reason: object = None

    def feed(self, event: Event, *, usage_only: bool) -> bytes:
        """One event of the upstream."""
        if self._inner is None:
            return self._chunk(event)
        return self._chunks(self._inner.feed(event, usage_only=usage_only))

    def finish(self) -> bytes:
        """The rest: what still waited, why it ended, the usage."""
        events = b"" if self._inner is None else self._chunks(self._inner.finish())
        told = usage_told(self._meter, prompt_bytes=self._asked.prompt_bytes, output_bytes=self._blocks.output_bytes)
        return events + self._end(told)

    def stop_short(self, told: Usage) -> bytes:
        """The rest, and that it reached its maximum."""
        self._finish_reason = "length"
        return self._end(told)

    def failed(self, error: Mapping[str, Any]) -> bytes:
        """It broke off. Clients that read to the end learn it twice: some know the one event, some the other."""
        events = b"" if self._started else self._start({}, b"")
        told = {"code": error.get("code") or error.get("type"), "message": error.get("message")}
        response = self._items.frame.response("failed", self._items.output, error=told)
        events += self._events.print("response.failed", response=response)
        return events + self._events.print("error", **told, param=error.get("param"), error=error)

    def _chunks(self, data: bytes) -> bytes:
        parser = EventParser()
        return b"".join([self._chunk(event) for event in parser.feed(data)])

    def _chunk(self, event: Event) -> bytes:
        if not event.data:
            return PING if self._started else b""
        if event.data.strip() == b"[DONE]":
            return b""
        chunk = object_decode(event.data)
        if chunk is None:
            raise msgspec.ValidationError("A chunk is no JSON object.")
        if chunk.get("error") or event.event == "error" or chunk.get("object") == "error":
            return b""
        if usage := usage_of(chunk):
            self._meter.observe(usage)
        events = b"" if self._started else self._start(chunk, event.data)
        choice = choice_of(chunk)
        return events if choice is None else events + self._choice(choice)

    def _start(self, chunk: Mapping[str, Any], data: bytes) -> bytes:
        self._started = True
        self._items.frame = Frame(self._asked, chunk, data)
        response = self._items.frame.response("in_progress", [])
        created = self._events.print("response.created", response=response)
        return created + self._events.print("response.in_progress", response=response)

    def _choice(self, choice: Mapping[str, Any]) -> bytes:
        said, events = said_of(choice), b""
        if self._inner is not None and (notes := items(said.get("reasoning_details"))):
            # They repeat what was said before, for the next turn.
            return self._blocks.text("thinking", "", notes)
        for kind, text in texts_of(said):
            events += self._blocks.text(kind, text)
        for call in calls_of(said):
            events += self._blocks.call(call)
        if reason := choice.get("finish_reason"):
            if reason == "error":
                raise msgspec.ValidationError("The upstream's stream ended in an error that it did not tell.")
            self._finish_reason = reason
            self._items.cut = str(reason) in INCOMPLETE
            events += self._blocks.flush()
        return events

    def _end(self, told: Usage) -> bytes:
        events = b"" if self._started else self._start({}, b"")
        incomplete = INCOMPLETE.get(str(self._finish_reason))
        self._items.cut = incomplete is not None
        events += self._blocks.flush()
        status = "incomplete" if incomplete else "completed"
        response = self._items.frame.response(status, self._items.output, usage=told, incomplete=incomplete)
        return events + self._events.print(f"response.{status}", response=response)
