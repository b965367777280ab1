"""Networks that a key may be used from: cleaned when written, parsed once when read, asked on every request."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.core.exceptions import ValidationError

NETWORKS_MAX = 50
Network = IPv4Network | IPv6Network


def networks_clean(texts: Iterable[str]) -> list[str]:
    """Addresses and CIDR networks in one spelling each, in order, none twice. Raises `ValidationError`."""
    cleaned: dict[str, None] = {}
    for text in texts:
        if not (text := text.strip()):
            continue
        try:
            # 203.0.113.7/24 names its network: whoever types it means that.
            network = ip_network(text, strict=False)
        except ValueError as error:
            said = f"“{text[:60]}” is no address or network: write 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32."
            raise ValidationError(said, code="network") from error
        cleaned[str(network)] = None
    if len(cleaned) > NETWORKS_MAX:
        raise ValidationError(f"Name {NETWORKS_MAX} addresses and networks at most.", code="networks_too_many")
    return list(cleaned)


def networks_parse(texts: Iterable[str]) -> tuple[Network, ...]:
    """What `networks_clean` gave, ready to be asked."""
    return tuple(ip_network(text) for text in texts)


def networks_hold(networks: tuple[Network, ...], address: str | None) -> bool:
    """Whether `address` is in one of them; where none is named, every address is. An unreadable one is in none."""
    if not networks:
        return True
    found = _address(address)
    return found is not None and any(found in network for network in networks)


def network_of(address: str | None) -> str:
    """What one party has at least: an IPv4 address, or a whole /64 of IPv6. An unreadable address is one of its own."""
    found = _address(address)
    if isinstance(found, IPv6Address):
        return str(ip_network((found, 64), strict=False))
    return str(found or "")


def _address(text: str | None) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address((text or "").partition("%")[0])
    except ValueError:
        return None
    # A server that listens on IPv6 sees an IPv4 client in this form.
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
