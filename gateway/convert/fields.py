"""What becomes of each field of a request on a converted row: carried, dropped or refused, by table. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from gateway.wire.body import BodyInvalid
from gateway.wire.request import member

_SAID_NOTHING: Final = frozenset((b"false", b"[]", b"{}", b'""'))
_NAME: Final = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_NAMES_MAX: Final = 32


@dataclass(frozen=True, slots=True)
class Field:
    """One row; `note` says what a field becomes, or why it is dropped or refused."""

    name: str
    fate: Literal["carried", "dropped", "refused"]
    note: str


@dataclass(slots=True)
class Drops:
    """Names of what was left out, each once, in the order found; names that no header can carry are `other`."""

    _names: dict[str, None] = field(default_factory=dict)

    def add(self, name: str) -> None:
        """Note one more."""
        if len(self._names) < _NAMES_MAX:
            self._names[name if _NAME.fullmatch(name) else "other"] = None

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(self._names)


def fields_check(members: Mapping[str, msgspec.Raw], table: Mapping[str, Field], drops: Drops) -> None:
    """Refuse what changes the answer, by name; note what is dropped. What says nothing is passed over in silence."""
    for name in members:
        row, raw = table.get(name), member(members, name)
        if raw is None or raw in _SAID_NOTHING or (row is not None and row.fate == "carried"):
            continue
        if row is not None and row.fate == "refused":
            raise BodyInvalid(f"{name} cannot be carried to this model: {row.note}.", name)
        drops.add(name)


def table_of(*rows: Field) -> dict[str, Field]:
    """A table by name."""
    return {row.name: row for row in rows}
