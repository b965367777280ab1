"""Request fields that change what an upstream charges beyond tokens of the model: neutral or refused, by name. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.wire.body import BodyInvalid, value_decode
from gateway.wire.request import member


@dataclass(frozen=True, slots=True)
class Charged:
    """One row: `passes` says which values cost nothing extra. What only tunes is made neutral, the rest is refused."""

    field: str
    passes: Callable[[Any], bool]
    why: str
    neutral: bytes | None = None  # JSON to send instead; empty: the member is left out; None: refused


@dataclass(frozen=True, slots=True)
class ChargedTools:
    """Tools that the upstream runs itself. Unknown ones are refused: a fee may hang on them."""

    free_types: tuple[str, ...]  # Paid for in tokens alone. A trailing `*` stands for any version.
    unbounded_types: tuple[str, ...]  # Of those: they bring text into the prompt that the request does not show.

    def unbounded(self, types: Sequence[object]) -> bool:
        """Whether the prompt may grow beyond what the request shows."""
        return any(_matches(kind, self.unbounded_types) for kind in types)


def charged_check(members: Mapping[str, msgspec.Raw], fields: Sequence[Charged]) -> None:
    """Refuse by name what would be charged on top; `BodyInvalid`."""
    for row in fields:
        if row.neutral is None and not _passes(members, row):
            raise BodyInvalid(f"{row.field} is not available here: {row.why}.", row.field)


def tools_check(types: Sequence[object], tools: ChargedTools) -> None:
    """Refuse tools that would be charged on top; `BodyInvalid`."""
    for kind in types:
        if kind is not None and not _matches(kind, tools.free_types):
            raise BodyInvalid(
                f"Tools of type {str(kind)[:80]!r} are not available here: they are charged apart from tokens.", "tools"
            )


def charged_neutral(members: Mapping[str, msgspec.Raw], fields: Sequence[Charged]) -> dict[str, msgspec.Raw]:
    """The members with every tuning field at the value that costs nothing extra."""
    kept = dict(members)
    for row in fields:
        if row.neutral is not None and not _passes(members, row):
            if row.neutral:
                kept[row.field] = msgspec.Raw(row.neutral)
            else:
                del kept[row.field]
    return kept


def one_of(*values: object) -> Callable[[Any], bool]:
    """Passes these values alone."""
    return lambda value: value in values


def empty(value: Any) -> bool:
    """Passes what asks for nothing: false, an empty list, object or string."""
    return not value


def _passes(members: Mapping[str, msgspec.Raw], row: Charged) -> bool:
    raw = member(members, row.field)
    return raw is None or row.passes(value_decode(raw))


def _matches(kind: object, names: tuple[str, ...]) -> bool:
    return isinstance(kind, str) and any(
        kind.startswith(name[:-1]) if name.endswith("*") else kind == name for name in names
    )
