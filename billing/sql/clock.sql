-- Time and ids of the ledger. PostgreSQL 15 or later, no extension. 1 nano = 1e-9 US dollar, always BIGINT.
--
-- Read the files in this order: clock, tables (what is true), shared, then one file per event: transfer (money in), limit,
-- reserve and hold (admission), progress (renewal), finish (charge), reap, settle, and invariants (the view that must be empty). grants says who may call.
--
-- The rules that keep it correct under concurrency:
--   1. Whoever changes posted, held, granted or debt of a wallet, or spent or held of one of its limits, locks that wallet first.
--   2. Lock order: wallets by id, then limits by id, then holds. Never the other way round.
--   3. Every function reads after it has locked, in a new statement: READ COMMITTED gives that statement a new snapshot.
-- All functions expect READ COMMITTED. A deadlock or a timeout is an error of ours (503), never "insufficient" (402).
--
-- A SECURITY DEFINER function is a public door: database_grant lets the application role execute it. All others are internal.

-- The only clock of the ledger: a gateway never sends a time, so a wrong clock there moves no window and no lease.
CREATE OR REPLACE FUNCTION ledger_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$ SELECT clock_timestamp() $$;

CREATE OR REPLACE FUNCTION uuid7_ms(u uuid) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT ('x' || left(replace(u::text, '-', ''), 12))::bit(48)::bigint
$$;

CREATE OR REPLACE FUNCTION uuid7_day(u uuid) RETURNS date LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT date '1970-01-01' + (uuid7_ms(u) / 86400000)::int
$$;

CREATE OR REPLACE FUNCTION uuid7_hour(u uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT to_timestamp(uuid7_ms(u) / 3600000 * 3600)
$$;

-- The id of the one late correction that a request may get: made from the request's id, so the primary key allows no second,
-- and of the same millisecond, so that it stands in the same partition and the same hour.
CREATE OR REPLACE FUNCTION usage_correction_id(u uuid) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT (left(replace(u::text, '-', ''), 12) || '7' || substr(md5(u::text), 1, 3) || 'a' || substr(md5(u::text), 5, 15))::uuid
$$;

-- When the window began that contains this moment. UTC; weeks begin on Monday.
CREATE OR REPLACE FUNCTION limit_window(period text, at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE period WHEN 'daily'   THEN date_trunc('day', at, 'UTC')
                     WHEN 'weekly'  THEN date_trunc('week', at, 'UTC')
                     WHEN 'monthly' THEN date_trunc('month', at, 'UTC')
                     ELSE '-infinity'::timestamptz END
$$;
