"""Where the embedded default may listen: loopback while DEBUG is on, and ports that are free."""

import socket

LOOPBACK = "127.0.0.1"


class AddressRefused(Exception):
    """We may not, or cannot, listen there; the message is one line for a person."""


def address_check(*, host: str, debug: bool) -> None:
    """DEBUG shows source and settings to whoever asks: only this machine may."""
    if debug and host != LOOPBACK:
        raise AddressRefused(f"HOST={host} is refused while DEBUG is on: it listens on {LOOPBACK} only.")


def port_check(*, host: str, port: int) -> None:
    """Raise when nothing can listen on this port."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise AddressRefused(f"Cannot listen on {host}:{port}: {reason}. Choose another with PORT=….") from error


def port_free() -> int:
    """A port that nothing on loopback uses now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
