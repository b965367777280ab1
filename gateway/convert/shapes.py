"""Reading JSON values of a client's request that may have any shape; `BodyInvalid` says where one is wrong. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from gateway.wire.body import BodyInvalid, value_decode
from gateway.wire.request import member


def value_of(members: Mapping[str, msgspec.Raw], name: str) -> Any:
    """A member's value; None where it is missing or null."""
    raw = member(members, name)
    return None if raw is None else value_decode(raw)


def object_at(value: object, where: str) -> dict[str, Any]:
    """An object."""
    if not isinstance(value, dict):
        raise BodyInvalid(f"{where} must be an object.", where)
    return value


def text_at(value: object, where: str) -> str:
    """A string."""
    if not isinstance(value, str):
        raise BodyInvalid(f"{where} must be a string.", where)
    return value


def list_at(value: object, where: str) -> list[Any]:
    """A list."""
    if not isinstance(value, list):
        raise BodyInvalid(f"{where} must be a list.", where)
    return value


def objects_at(value: object, where: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The objects of a list, each with its place; none where there is no list."""
    if value is None:
        return
    for at, one in enumerate(list_at(value, where)):
        yield object_at(one, f"{where}[{at}]"), f"{where}[{at}]"


def parts_at(content: object, where: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The parts of a message's content, each with its place; a string is one part of text."""
    if isinstance(content, str):
        yield {"type": "text", "text": content}, where
    else:
        yield from objects_at(content, where)


def refused(what: str, where: str) -> BodyInvalid:
    """To raise for something that has no counterpart upstream."""
    return BodyInvalid(f"{where}: {what} cannot be carried to this model.", where)


def count_of(value: object) -> int | None:
    """A whole number; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
