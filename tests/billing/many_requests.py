"""Very many requests of one organisation, written straight into the tables: for tests that roll back."""

import os
from dataclasses import dataclass

from django.db import connection

# A million takes some minutes: `make many`.
COUNT = int(os.environ.get("MANY_REQUESTS", "50000"))
# Few days for few requests: a partition of a handful of pages is read as a whole, and rightly.
DAYS = 30 if COUNT > 100_000 else 3
# One request in so many is of the rare kind.
RARE = 2_500
_KEYS = 40

# Ids as the gateway makes them, evenly over the days up to this moment. One in so many is another model's, another
# key's, of another protocol, or ended otherwise.
_RECORDS = """
INSERT INTO usage_record (day, id, wallet_id, api_key_id, member_id, model_id, route_id, price_version_id, input_tokens,
       output_tokens, held_nanos, charge_nanos, cost_nanos, started_at, created_at, first_content_ms, duration_ms,
       settlement_id, client_protocol, upstream_protocol, outcome, source)
SELECT uuid7_day(made.id), made.id, %(wallet)s,
       CASE WHEN n %% %(rare)s = 0 THEN %(key)s - 1 ELSE %(key)s + n %% %(keys)s END, NULL,
       CASE WHEN n %% %(rare)s = 1 THEN %(other_model)s ELSE %(model)s END, NULL, 1, 100 + n %% 50, 20, 1000000,
       1000 + n, 500, made.at, made.at, 100, 900, 1,
       CASE WHEN n %% %(rare)s = 2 THEN 'openai_embeddings' ELSE 'openai_chat' END, 'openai_chat',
       CASE WHEN n %% %(rare)s = 3 THEN 'upstream_error' ELSE 'completed' END, 'upstream'
  FROM generate_series(1, %(count)s) AS n
 CROSS JOIN LATERAL (SELECT now() - make_interval(secs => %(days)s * 86400.0 * n / %(count)s) AS at) AS times
 CROSS JOIN LATERAL (SELECT times.at, (lpad(to_hex((extract(epoch FROM times.at) * 1000)::bigint), 12, '0')
   || '7' || substr(md5(n::text), 1, 3) || 'a' || substr(md5(n::text), 5, 15))::uuid AS id) AS made"""
_MANY_KEYS = """
INSERT INTO usage_hourly (hour, wallet_id, api_key_id, member_id, model_id, route_id, client_protocol, requests,
       input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens,
       charge_nanos, write_off_nanos, cost_nanos)
SELECT date_trunc('hour', now()) - n %% 600 * interval '1 hour', %s, 10000000 + n, 0, 1, 0, 'openai_chat', 1,
       10, 0, 0, 0, 10, 0, n, 0, 0
  FROM generate_series(1, %s) n"""
_HOURS = """
INSERT INTO usage_hourly (hour, wallet_id, api_key_id, member_id, model_id, route_id, client_protocol, requests,
       input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens,
       charge_nanos, write_off_nanos, cost_nanos)
SELECT uuid7_hour(id), wallet_id, api_key_id, 0, model_id, 0, client_protocol, count(*), sum(input_tokens), 0, 0, 0,
       sum(output_tokens), 0, sum(charge_nanos), 0, sum(cost_nanos)
  FROM usage_record WHERE wallet_id = %(wallet)s GROUP BY 1, 2, 3, 5, 7"""


@dataclass(frozen=True, slots=True)
class Kinds:
    """What the requests are of: the rare key is `key_id` - 1."""

    wallet_id: int
    key_id: int
    model_id: int
    other_model_id: int


def requests_make(kinds: Kinds, *, count: int = COUNT) -> None:
    """Inside the test's transaction. The books do not know of them: nothing may be checked or committed after it."""
    arguments = {
        "wallet": kinds.wallet_id,
        "key": kinds.key_id,
        "keys": _KEYS,
        "model": kinds.model_id,
        "other_model": kinds.other_model_id,
        "count": count,
        "days": DAYS,
        "rare": RARE,
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT usage_partitions_ensure(current_date - %s, current_date + 1)", [DAYS + 1])
        cursor.execute(_RECORDS, arguments)
        cursor.execute(_HOURS, arguments)
        cursor.execute("ANALYZE usage_record, usage_hourly")


def keys_used_make(wallet_id: int, count: int) -> None:
    """So many keys more, each with a settled hour."""
    with connection.cursor() as cursor:
        cursor.execute(_MANY_KEYS, [wallet_id, count])
