"""The ASGI scope of a request that this process makes to its own gateway."""

from collections.abc import Sequence
from typing import Any


def inner_scope(
    path: str, *, size: int, client: tuple[str, int] | None, headers: Sequence[tuple[bytes, bytes]] = ()
) -> dict[str, Any]:
    """A POST of `size` bytes of JSON to `path`, from where `client` is."""
    sent = [*headers, (b"content-type", b"application/json"), (b"content-length", str(size).encode())]
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": sent,
        "client": client, "server": None,
    }  # fmt: skip
