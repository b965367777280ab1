"""Server-sent events, cut out of bytes that may arrive in any pieces; what was read can be relayed as it came. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from gateway.wire.stream import object_decode

EVENT_BYTES_MAX: Final = 1024 * 1024

# The blank line that ends an event: two line ends in a row, of any kind.
_BLANK: Final = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?!\n))")
_LINE: Final = re.compile(rb"\r\n|\n|\r")
_BOM: Final = b"\xef\xbb\xbf"


class EventTooLarge(Exception):
    """One event is longer than `EVENT_BYTES_MAX`: the stream cannot be read on."""


@dataclass(frozen=True, slots=True)
class Event:
    """`raw` is the event as it came, blank line included; comments alone are an event without data."""

    raw: bytes
    event: str
    data: bytes

    @property
    def is_whole(self) -> bool:
        """Whether data that no blank line ended is all of an event: half of one is nobody's."""
        return self.data.strip() == b"[DONE]" or object_decode(self.data) is not None

    def with_data(self, data: bytes) -> bytes:
        """The event's bytes with other data, everything else as it came."""
        if data is self.data or data == self.data:
            return self.raw
        if self.raw.count(self.data) == 1:
            return self.raw.replace(self.data, data)
        lines = [line for line in _lines(self.raw.removeprefix(_BOM)) if line and not _is_data(line)]
        lines += [b"data: " + line for line in _LINE.split(data)]
        return b"\n".join(lines) + b"\n\n"


class EventParser:
    """`feed` gives the events that are complete; all `raw` bytes put together are the bytes that were fed."""

    def __init__(self) -> None:
        self._buffer = b""
        self._searched = 0
        self._first = True

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes."""
        self._buffer += data
        events: list[Event] = []
        start, search = 0, self._searched
        while found := _BLANK.search(self._buffer, search):
            if found.end() == len(self._buffer) and self._buffer.endswith(b"\r"):
                break  # Its line feed may still come.
            if found.end() - start > EVENT_BYTES_MAX and events:
                break  # These first: the next call finds the too large one again.
            events.append(self._event(self._buffer[start : found.end()]))
            start = search = found.end()
        self._buffer = self._buffer[start:]
        self._searched = max(len(self._buffer) - 3, 0)
        if len(self._buffer) > EVENT_BYTES_MAX:
            self._searched = 0
            if not events:
                raise EventTooLarge
        return events

    def finish(self) -> list[Event]:
        """The bytes ended: what is left, if anything, is an event whose blank line never came."""
        rest, self._buffer, self._searched = self._buffer, b"", 0
        return [self._event(rest)] if rest else []

    def _event(self, raw: bytes) -> Event:
        if len(raw) > EVENT_BYTES_MAX:
            raise EventTooLarge
        text = raw.removeprefix(_BOM) if self._first else raw
        self._first = False
        if text.startswith(b"data: ") and text.find(b"\n") == len(text) - 2 and b"\r" not in text:
            return Event(raw, "", text[6:-2])  # By far the most common form.
        return _event_read(raw, text)


def _event_read(raw: bytes, text: bytes) -> Event:
    name, data = b"", []
    for line in _lines(text):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
    return Event(raw, name.decode(errors="replace"), b"\n".join(data))


def _lines(text: bytes) -> list[bytes]:
    return _LINE.split(text)


def _is_data(line: bytes) -> bool:
    return line == b"data" or line.startswith(b"data:")
