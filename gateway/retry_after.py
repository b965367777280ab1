"""How long an upstream asks to wait, from the forms in which it may say so. Pure."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

WAIT_SECONDS_MAX: Final = 7 * 24 * 3600.0


def retry_after_read(header: Callable[[str], str | None], now: datetime) -> str | None:
    """Whole seconds, rounded up: from `retry-after-ms`, seconds or an HTTP date; None where none of it makes sense."""
    for seconds in (_milliseconds(header("retry-after-ms")), _seconds(header("retry-after"), now)):
        if seconds is not None and 0 <= seconds <= WAIT_SECONDS_MAX:
            return str(math.ceil(seconds))
    return None


def _milliseconds(value: str | None) -> float | None:
    number = _number(value)
    return None if number is None else number / 1000


def _seconds(value: str | None, now: datetime) -> float | None:
    number = _number(value)
    if number is not None or value is None:
        return number
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now.timestamp(), 0.0)


def _number(value: str | None) -> float | None:
    try:
        return float(value) if value is not None else None
    except ValueError:
        return None
