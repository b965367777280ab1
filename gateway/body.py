"""The request's body: all of it or none, within a size and a pace."""

import time
from collections.abc import Mapping
from typing import Any

import anyio

from gateway.client import Receive
from gateway.errors import GatewayError, Reason

# Beyond the first seconds a body has to come at this pace; a phone on a bad line manages it, a slow-loris does not.
BYTES_PER_SECOND_MIN = 20_000


async def body_read(receive: Receive, headers: Mapping[bytes, bytes], config: Mapping[str, Any]) -> bytes | None:
    """The body, or None when the client left before its end; 408, 413 and 415 as `GatewayError`."""
    bytes_max, seconds = config["body_bytes_max"], config["body_seconds"]
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise GatewayError(Reason.ENCODING, "Send the body uncompressed, without Content-Encoding.")
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length[:20]) > bytes_max:
        raise _too_large(bytes_max)
    parts: list[bytes] = []
    size, deadline = 0, time.monotonic() + seconds
    while True:
        with anyio.move_on_after(deadline + size / BYTES_PER_SECOND_MIN - time.monotonic()) as waiting:
            message = await receive()
        if waiting.cancelled_caught:
            raise GatewayError(Reason.TIMEOUT, "The body came too slowly.")
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size > bytes_max:
            raise _too_large(bytes_max)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts) if len(parts) > 1 else parts[0]


def _too_large(bytes_max: int) -> GatewayError:
    return GatewayError(Reason.TOO_LARGE, f"The body is larger than {bytes_max // 1024 // 1024} MB.")
