"""Dollars in and out: decimal strings at the edge, whole nano-dollars everywhere else."""

import re

NANOS_PER_USD = 1_000_000_000
NANOS_MAX = 2**63 - 1

_AMOUNT = re.compile(r"(?P<sign>-?)(?P<whole>[0-9]{1,20})(\.(?P<fraction>[0-9]{1,100}))?")


def usd_to_nanos(text: str) -> int:
    """Exact nano-dollars of a decimal dollar string such as "12.5"; `ValueError` if it is none or has over 9 places."""
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is not an amount of dollars")
    fraction = (match["fraction"] or "").rstrip("0")
    if len(fraction) > 9:
        raise ValueError(f"{text[:40]!r} has more than nine decimal places")
    nanos = int(match["whole"]) * NANOS_PER_USD + int(fraction.ljust(9, "0"))
    if nanos > NANOS_MAX:
        raise ValueError(f"{text[:40]!r} is too large")
    return -nanos if match["sign"] else nanos


def nanos_to_usd(nanos: int, places_min: int = 2) -> str:
    """The exact decimal dollar string, without exponent: "12.50", "0.0000031"; at least `places_min` places."""
    sign, nanos = ("-", -nanos) if nanos < 0 else ("", nanos)
    fraction = f"{nanos % NANOS_PER_USD:09d}".rstrip("0").ljust(places_min, "0")
    return f"{sign}{nanos // NANOS_PER_USD}.{fraction}" if fraction else f"{sign}{nanos // NANOS_PER_USD}"
