"""Request ids: UUIDv7, made before anything else, the key of hold, usage record and log line."""

import os
import time
from uuid import UUID

_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62


def request_id_make() -> UUID:
    """A UUIDv7 (RFC 9562): 48 bits of milliseconds, then 74 random ones."""
    random = int.from_bytes(os.urandom(10))
    return UUID(
        int=time.time_ns() // 1_000_000 << 80
        | _VERSION
        | (random >> 68 & 0xFFF) << 64
        | _VARIANT
        | random & 0x3FFF_FFFF_FFFF_FFFF
    )
