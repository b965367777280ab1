"""Reading a wire fixture the way the relay does."""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from gateway.metering import Meter
from gateway.wire.sse import EventParser
from gateway.wire.stream import Seen

FIXTURES = Path(__file__).parents[2] / "fixtures" / "wire"


@dataclass
class Read:
    """All that a stream said."""

    seen: list[Seen]
    meter: Meter

    @property
    def ended(self) -> bool:
        return any(each.ended for each in self.seen)

    @property
    def errors(self) -> list[object]:
        return [dict(each.error) for each in self.seen if each.error is not None]

    @property
    def output_bytes(self) -> int:
        return sum(each.output_bytes for each in self.seen)

    @property
    def first_content(self) -> int | None:
        return next((at for at, each in enumerate(self.seen) if each.content), None)


def stream_read(wire: ModuleType, stream: bytes) -> Read:
    parser, reader, meter, seen = EventParser(), wire.StreamReader(), Meter(), []
    for event in parser.feed(stream) + parser.finish():
        seen.append(reader.feed(event))
        if seen[-1].usage is not None:
            meter.observe(seen[-1].usage)
    return Read(seen, meter)


def fixture(protocol: str, name: str) -> bytes:
    return (FIXTURES / protocol / f"{name}.sse").read_bytes()
