"""What a request that this process makes itself brings along: no client can, because a scope is the server's own."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

INSIDE: Final = "tokenoutput.inside"


@dataclass(frozen=True, slots=True)
class Inside:
    """Whose key it goes by, by the hash that is kept of it, and under which id (a UUIDv7)."""

    key_hash: bytes
    request_id: UUID
