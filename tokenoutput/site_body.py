"""Bounds what the site reads of a request: Django would spool a body of any size, for as long as it takes to come."""

from collections.abc import Mapping
from typing import Any

import anyio

from tokenoutput.plain_answer import Message, Receive

# The site's forms are small; the gateway has limits of its own.
SITE_BODY_BYTES_MAX = 1024 * 1024
SITE_BODY_SECONDS = 15


class BodyRefused(Exception):
    """The body is too large (413) or too slow (408)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def site_body_read(scope: Mapping[str, Any], receive: Receive) -> Receive:
    """Read the whole body, within bounds, and return a `receive` that gives it at once and then the real events."""
    declared = dict(scope["headers"]).get(b"content-length", b"")
    if declared.isdigit() and int(declared) > SITE_BODY_BYTES_MAX:
        raise BodyRefused(413, "The request is too large.")
    parts, size = [], 0
    with anyio.move_on_after(SITE_BODY_SECONDS) as time:
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return _first(message, receive)
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > SITE_BODY_BYTES_MAX:
                raise BodyRefused(413, "The request is too large.")
            if not message.get("more_body", False):
                break
    if time.cancelled_caught:
        raise BodyRefused(408, "The request did not arrive in time.")
    return _first({"type": "http.request", "body": b"".join(parts), "more_body": False}, receive)


def _first(message: Message, receive: Receive) -> Receive:
    """`receive` with `message` before its own."""
    waiting = [message]

    async def receive_first() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_first
