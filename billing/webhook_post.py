"""One signed POST to a customer's address: checked where the connection is made, short, and never redirected."""

import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Sequence
from urllib.parse import urlsplit

from catalog.addresses import AddressRefused, address_is_public, base_url_check

CONNECT_SECONDS = 5.0
# Whatever the other side does, it is over by then.
WHOLE_SECONDS = 12.0
_LOOPBACK_NAMES = {"localhost", "127.0.0.1", "[::1]"}


class WebhookFailed(Exception):
    """It did not arrive; the message is one line for the customer."""


def webhook_url_check(url: str, *, loopback_allowed: bool) -> str:
    """The URL, if a webhook may go there: https and public. `AddressRefused` otherwise. No name is resolved here."""
    if "#" in url:
        raise AddressRefused("must not carry a fragment")
    address, _, query = url.partition("?")
    host = urlsplit(address).netloc.rpartition(":")[0] or urlsplit(address).netloc
    private = loopback_allowed and (host in _LOOPBACK_NAMES or urlsplit(address).netloc in _LOOPBACK_NAMES)
    base_url_check(address, private_allowed=private)
    if not query.isascii() or not query.isprintable() or " " in query or len(url) > 500:
        raise AddressRefused("must be plain ASCII without spaces, at most 500 characters")
    return url


def webhook_signature(*, secrets: Sequence[str], timestamp: int, body: bytes) -> str:
    """`t=<seconds>` and a `v1=<hex>` for each secret: its HMAC-SHA256 over `<seconds>.<body>`."""
    signed = f"{timestamp}.".encode() + body
    parts = [f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}" for secret in secrets]
    return ",".join([f"t={timestamp}", *parts])


def webhook_post(*, url: str, body: bytes, headers: dict[str, str], loopback_allowed: bool) -> None:
    """Send it; `WebhookFailed` unless the answer is 2xx."""
    try:
        webhook_url_check(url, loopback_allowed=loopback_allowed)
        connection = _connection(url, loopback_allowed=loopback_allowed)
    except AddressRefused as error:
        raise WebhookFailed(f"The address {error}.") from error
    except (OSError, ValueError) as error:
        raise WebhookFailed(f"No connection: {_said(error)}.") from error
    watchdog = threading.Timer(WHOLE_SECONDS, _hang_up, [connection])
    watchdog.daemon = True
    watchdog.start()
    try:
        connection.request("POST", _path(url), body=body, headers=headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise WebhookFailed(f"No answer: {_said(error)}.") from error
    finally:
        watchdog.cancel()
        connection.close()
    if not 200 <= status < 300:
        raise WebhookFailed(f"It answered {status}.")


def _connection(url: str, *, loopback_allowed: bool) -> http.client.HTTPConnection:
    """Connected to an address that was checked: the name is resolved once, so it cannot change in between."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if secure else 80)
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = {str(entry[4][0]) for entry in found}
    if not all(_allowed(address, loopback_allowed=loopback_allowed) for address in addresses):
        raise AddressRefused("leads into a private, loopback or reserved network")
    opened = socket.create_connection((str(found[0][4][0]), port), timeout=CONNECT_SECONDS)
    try:
        if secure:
            opened = ssl.create_default_context().wrap_socket(opened, server_hostname=host)
    except OSError:
        opened.close()
        raise
    connection = http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS)
    connection.sock = opened
    return connection


def _allowed(address: str, *, loopback_allowed: bool) -> bool:
    return address_is_public(address) or (loopback_allowed and ipaddress.ip_address(address).is_loopback)


def _hang_up(connection: http.client.HTTPConnection) -> None:
    if connection.sock is not None:
        connection.sock.shutdown(socket.SHUT_RDWR)


def _path(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _said(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__)[:120]
