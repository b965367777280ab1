"""What came through one API key since a moment: requests, and what they cost."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

# One statement: a settlement that commits meanwhile moves records from one part to the other.
_QUERY = """
    SELECT coalesce(sum(requests), 0), coalesce(sum(nanos), 0) FROM (
        SELECT h.requests, h.charge_nanos - h.write_off_nanos AS nanos FROM usage_hourly h
          JOIN wallet w ON w.id = h.wallet_id
         WHERE w.organization_id = %(organization)s AND h.hour >= date_trunc('hour', %(since)s, 'UTC')
           AND h.api_key_id = %(key)s
        UNION ALL
        SELECT (u.corrects_id IS NULL)::int, u.charge_nanos - u.write_off_nanos FROM usage_record u
          JOIN wallet w ON w.id = u.wallet_id
         WHERE w.organization_id = %(organization)s AND u.settlement_id IS NULL
           AND uuid7_hour(u.id) >= date_trunc('hour', %(since)s, 'UTC') AND u.api_key_id = %(key)s) AS used"""


@dataclass(frozen=True, slots=True)
class KeyUse:
    """Requests that ended, and nano-dollars that they took from the wallet."""

    requests: int
    spent_nanos: int


def key_use(*, organization_id: int, api_key_id: int, since: datetime) -> KeyUse:
    """The use of a key by requests begun since the start of that hour, settled or not."""
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, {"organization": organization_id, "key": api_key_id, "since": since})
        requests, nanos = cursor.fetchone()
    return KeyUse(requests=int(requests), spent_nanos=int(nanos))
