"""Old usage records: days become months, and months leave the ledger where a limit is set."""

import re
from collections.abc import Callable
from datetime import date, timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, connection

from billing import ledger

log = structlog.get_logger(__name__)
_PARTITIONS = """
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'usage_record'::regclass ORDER BY 1"""


def usage_retain(*, today: date) -> int:
    """Merge the months that are over for USAGE_DAY_PARTITIONS days, take out those beyond USAGE_MONTHS_KEPT.

    How many changed. A month that cannot be locked just now waits for the next time.
    """
    changed = 0
    for month in sorted({_month(name) for name in _partitions(r"usage_record_\d{8}")}):
        if _next(month) <= today - timedelta(days=settings.USAGE_DAY_PARTITIONS):
            changed += _tried("merged", ledger.usage_month_merge, month)
    if settings.USAGE_MONTHS_KEPT:
        first_kept = _months_before(today.replace(day=1), settings.USAGE_MONTHS_KEPT)
        for month in sorted({_month(name) for name in _partitions(r"usage_record_\d{6}")}):
            if month < first_kept:
                changed += _tried("detached", ledger.usage_month_detach, month)
    return changed


def _tried(what: str, work: Callable[..., int], month: date) -> int:
    try:
        records = work(month=month)
    except DatabaseError as error:
        log.warning("usage_month_not_changed", what=what, month=str(month), error=str(error).splitlines()[0])
        return 0
    log.info("usage_month_changed", what=what, month=str(month), records=records)
    return 1


def _partitions(pattern: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_PARTITIONS)
        return [name for (name,) in cursor.fetchall() if re.fullmatch(pattern, name)]


def _month(partition: str) -> date:
    digits = partition.rpartition("_")[2]
    return date(int(digits[:4]), int(digits[4:6]), 1)


def _next(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)


def _months_before(month: date, count: int) -> date:
    for _ in range(count):
        month = (month - timedelta(days=1)).replace(day=1)
    return month
