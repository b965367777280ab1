"""Which addresses a provider may have: the guard against requests into our own network. No name is resolved here."""

import ipaddress
import re
from ipaddress import IPv4Address, IPv6Address, ip_network
from urllib.parse import SplitResult, urlsplit

# Never a provider, whatever `ipaddress` says: relays that carry another address inside, and a cloud's own host.
_NEVER_PUBLIC = [
    ip_network(text)
    for text in (
        "192.0.0.0/24",  # protocol assignments, with a cloud's metadata host among them
        "192.88.99.0/24",  # 6to4 relays
        "168.63.129.16/32",  # Azure's host, answers inside the virtual network only
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # NAT64, local
        "2001::/23",  # Teredo and other protocol assignments
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
]
_GLOBAL_UNICAST = ip_network("2000::/3")
_PRIVATE_SUFFIXES = (
    ".localhost", ".local", ".internal", ".intranet", ".lan", ".home", ".corp", ".home.arpa", ".localdomain",
)  # fmt: skip
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
_ADDRESS_PART = re.compile(r"\d+|0x[0-9a-f]*")
_URL_LENGTH_MAX = 500


class AddressRefused(ValueError):
    """The URL may not be a provider's; the message says why, in words for the person who typed it."""


def address_is_public(address: str | IPv4Address | IPv6Address) -> bool:
    """Whether a resolved address belongs to the public internet. Asked again at every connect: names can change."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return address_is_public(ip.ipv4_mapped)
        if ip not in _GLOBAL_UNICAST:
            return False
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in _NEVER_PUBLIC)


def base_url_check(url: str, *, private_allowed: bool) -> str:
    """The URL without its trailing slash; `AddressRefused` when a provider may not live there.

    `private_allowed` lets plain http and private hosts through; the form of the URL is checked all the same.
    """
    parts = _split(url)
    host = _host_read(parts, private_allowed=private_allowed)
    if private_allowed:
        return url.rstrip("/")
    if parts.scheme != "https":
        raise AddressRefused("must start with https://")
    literal = _address_read(host)
    if literal is not None:
        if not address_is_public(literal):
            raise AddressRefused("is an address of a private, loopback or reserved network")
    elif "." not in host or host.endswith(_PRIVATE_SUFFIXES):
        raise AddressRefused("is a host name of a private network")
    return url.rstrip("/")


def _split(url: str) -> SplitResult:
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise AddressRefused("must be plain ASCII without spaces and backslashes")
    if len(url) > _URL_LENGTH_MAX:
        raise AddressRefused(f"is longer than {_URL_LENGTH_MAX} characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("is not a URL") from None
    if parts.scheme not in ("http", "https"):
        raise AddressRefused("must start with http:// or https://")
    if port == 0 or parts.netloc.endswith(":"):
        raise AddressRefused("has an empty port")
    if "@" in parts.netloc:
        raise AddressRefused("must not carry a user name or password")
    if "?" in url or "#" in url:
        raise AddressRefused("must not carry a query or fragment")
    return parts


def _host_read(parts: SplitResult, *, private_allowed: bool) -> str:
    host = (parts.hostname or "").lower()
    if host.endswith(".") and not private_allowed:
        raise AddressRefused("must not end its host name in a dot")
    host = host.removesuffix(".")
    if "[" in parts.netloc:
        try:
            IPv6Address(host)
        except ValueError:
            raise AddressRefused("has no valid host") from None
        return host
    if not _HOST.fullmatch(host):
        raise AddressRefused("has no valid host name")
    return host


def _address_read(host: str) -> IPv4Address | IPv6Address | None:
    """The address behind a literal in any spelling a resolver takes: 127.1, 0x7f.1, 017700000001, 2130706433."""
    if ":" in host:
        return IPv6Address(host)
    pieces = host.split(".")
    if not _ADDRESS_PART.fullmatch(pieces[-1]):
        return None
    try:
        *heads, tail = [_number_read(piece) for piece in pieces]
    except ValueError:
        raise AddressRefused("has no valid host") from None
    if len(heads) > 3 or any(head > 255 for head in heads) or tail >= 1 << (8 * (4 - len(heads))):
        raise AddressRefused("has no valid host")
    return IPv4Address(sum(head << (8 * (3 - place)) for place, head in enumerate(heads)) + tail)


def _number_read(text: str) -> int:
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8 if text.startswith("0") and text != "0" else 10)
