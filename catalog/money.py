"""Dollars in and out: `Decimal` only to parse and print, whole nano-dollars everywhere else."""

from decimal import Decimal, InvalidOperation

NANOS_PER_USD = 1_000_000_000
NANOS_MAX = 2**63 - 1


def usd_to_nanos(text: str) -> int:
    """Exact nano-dollars of a decimal dollar string such as "12.5"; `ValueError` if it is none or has more than 9 places."""
    try:
        nanos = Decimal(text) * NANOS_PER_USD
        whole = int(nanos)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is not an amount of dollars") from error
    if whole != nanos:
        raise ValueError(f"{text!r} has more than nine decimal places")
    if abs(whole) > NANOS_MAX:
        raise ValueError(f"{text!r} is too large")
    return whole


def nanos_to_usd(nanos: int, places_min: int = 2) -> str:
    """The exact decimal dollar string, without exponent: "12.50", "0.0000031"; at least `places_min` places."""
    sign, nanos = ("-", -nanos) if nanos < 0 else ("", nanos)
    fraction = f"{nanos % NANOS_PER_USD:09d}".rstrip("0").ljust(places_min, "0")
    return f"{sign}{nanos // NANOS_PER_USD}.{fraction}" if fraction else f"{sign}{nanos // NANOS_PER_USD}"
