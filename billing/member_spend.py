"""What each API key has spent since an hour began: the sums behind the list of members."""

from datetime import datetime

from django.db import connection

# One statement: a settlement that commits meanwhile moves records from one part to the other.
_QUERY = """
    SELECT api_key_id, sum(nanos) FROM (
        SELECT h.api_key_id, h.charge_nanos - h.write_off_nanos AS nanos FROM usage_hourly h
          JOIN wallet w ON w.id = h.wallet_id
         WHERE w.organization_id = %(organization)s AND h.hour >= date_trunc('hour', %(since)s, 'UTC')
        UNION ALL
        SELECT u.api_key_id, u.charge_nanos - u.write_off_nanos FROM usage_record u
          JOIN wallet w ON w.id = u.wallet_id
         WHERE w.organization_id = %(organization)s AND u.settlement_id IS NULL
           AND uuid7_hour(u.id) >= date_trunc('hour', %(since)s, 'UTC')) AS spent
     WHERE api_key_id IS NOT NULL GROUP BY api_key_id"""


def spend_by_key(*, organization_id: int, since: datetime) -> dict[int, int]:
    """Nano-dollars by API key, for requests begun since the start of that hour, settled or not."""
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, {"organization": organization_id, "since": since})
        return {key_id: int(nanos) for key_id, nanos in cursor.fetchall()}
