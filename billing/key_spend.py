"""What API keys have spent: ever, and in the day, week and month (UTC) that run now."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

# One statement: a settlement that commits meanwhile moves records from one part to the other.
_QUERY = """
    SELECT api_key_id, sum(nanos), coalesce(sum(nanos) FILTER (WHERE hour >= %(day)s), 0),
           coalesce(sum(nanos) FILTER (WHERE hour >= %(week)s), 0),
           coalesce(sum(nanos) FILTER (WHERE hour >= %(month)s), 0)
      FROM (SELECT h.api_key_id, h.hour, h.charge_nanos - h.write_off_nanos AS nanos FROM usage_hourly h
              JOIN wallet w ON w.id = h.wallet_id
             WHERE w.organization_id = %(organization)s AND h.api_key_id = ANY(%(keys)s)
             UNION ALL
            SELECT u.api_key_id, uuid7_hour(u.id), u.charge_nanos - u.write_off_nanos FROM usage_record u
              JOIN wallet w ON w.id = u.wallet_id
             WHERE w.organization_id = %(organization)s AND u.api_key_id = ANY(%(keys)s)
               AND u.settlement_id IS NULL) AS spent
     GROUP BY api_key_id"""


@dataclass(frozen=True, slots=True)
class KeySpend:
    """Nano-dollars that the wallet paid for one key's requests; a request counts where it began."""

    ever_nanos: int = 0
    day_nanos: int = 0
    week_nanos: int = 0
    month_nanos: int = 0


def key_spend(*, organization_id: int, api_key_ids: Collection[int]) -> dict[int, KeySpend]:
    """By key; keys that were never used are not in it. Weeks begin on Mondays, all windows at 00:00 UTC."""
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    arguments: dict[str, Any] = {
        "organization": organization_id,
        "keys": list(api_key_ids),
        "day": day,
        "week": day - timedelta(days=day.weekday()),
        "month": day.replace(day=1),
    }
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, arguments)
        return {key_id: KeySpend(*(int(nanos) for nanos in sums)) for key_id, *sums in cursor.fetchall()}
