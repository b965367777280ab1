-- The books must hold: no row of ledger_violation means that they do.
--
-- Each part is a function, so that the check of each minute asks for what may have changed and the nightly one for everything.
-- All parts of one statement see one moment. wallet_id is the wallet concerned, NULL where no single one is. What a function
-- names need not exist before it runs: a migration may load this file before it makes a table.

-- Balance of each account, from the transfers alone.
CREATE OR REPLACE VIEW account_balance AS
  SELECT a.id, a.kind, a.wallet_id, coalesce(c.nanos, 0) - coalesce(d.nanos, 0) AS balance_nanos,   -- credits minus debits
         coalesce(c.granted, 0) - coalesce(d.granted, 0) AS granted_nanos
    FROM account a
    LEFT JOIN (SELECT credit_account_id AS id, sum(amount_nanos) AS nanos, sum(granted_nanos) AS granted FROM transfer GROUP BY 1) c ON c.id = a.id
    LEFT JOIN (SELECT debit_account_id  AS id, sum(amount_nanos) AS nanos, sum(granted_nanos) AS granted FROM transfer GROUP BY 1) d ON d.id = a.id;

-- What the transfers after one and up to another moved, per account.
CREATE OR REPLACE FUNCTION account_moves(p_after bigint, p_through bigint)
RETURNS TABLE (account_id bigint, nanos bigint, granted bigint) LANGUAGE sql STABLE AS $$
  SELECT m.id, sum(m.nanos)::bigint, sum(m.granted)::bigint
    FROM (SELECT credit_account_id AS id, amount_nanos AS nanos, granted_nanos AS granted FROM transfer t
           WHERE t.id > p_after AND t.id <= p_through
          UNION ALL
          SELECT debit_account_id, -amount_nanos, -granted_nanos FROM transfer t WHERE t.id > p_after AND t.id <= p_through) m
   GROUP BY 1
$$;

-- Balance of each account, from its last closing and the transfers since.
CREATE OR REPLACE FUNCTION account_balance_open()
RETURNS TABLE (id bigint, kind text, wallet_id bigint, balance_nanos bigint, granted_nanos bigint) LANGUAGE sql STABLE AS $$
  SELECT a.id, a.kind, a.wallet_id, coalesce(c.balance_nanos, 0) + coalesce(m.nanos, 0), coalesce(c.granted_nanos, 0) + coalesce(m.granted, 0)
    FROM account a
    LEFT JOIN LATERAL (SELECT * FROM account_close c WHERE c.account_id = a.id ORDER BY c.day DESC LIMIT 1) c ON true
    LEFT JOIN account_moves((SELECT coalesce(max(transfer_id), 0) FROM ledger_close), 9223372036854775807) m ON m.account_id = a.id
$$;

-- Records of days that had no partition. With its owner's rights: others reach a partition through its table only.
CREATE OR REPLACE FUNCTION usage_strays() RETURNS TABLE (day date, records bigint) LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT u.day, count(*) FROM usage_record_default u GROUP BY 1
$$;

-- Wallets and what is held: cheap however long the past is.
CREATE OR REPLACE FUNCTION ledger_violations_open()
RETURNS TABLE (rule text, subject text, difference numeric, wallet_id bigint) LANGUAGE sql STABLE AS $$
  WITH balance AS MATERIALIZED (
    SELECT * FROM account_balance_open()
  ), unsettled AS (
    SELECT u.wallet_id, sum(u.charge_nanos - u.write_off_nanos) AS nanos FROM usage_record u WHERE u.settlement_id IS NULL GROUP BY 1
  ), purse AS (
    SELECT w.*, b.balance_nanos AS account, b.granted_nanos AS account_granted, coalesce(u.nanos, 0) AS waiting
      FROM wallet w JOIN balance b ON b.wallet_id = w.id AND b.kind = 'wallet' LEFT JOIN unsettled u ON u.wallet_id = w.id
  ), holds AS (
    SELECT h.wallet_id, sum(h.amount_nanos) AS nanos FROM hold h GROUP BY 1
  )
  SELECT 'posted', p.id::text, p.posted_nanos - (p.account - p.waiting), p.id FROM purse p WHERE p.posted_nanos <> p.account - p.waiting
  UNION ALL
  SELECT 'granted', p.id::text, p.granted_nanos - p.account_granted, p.id FROM purse p WHERE p.granted_nanos <> p.account_granted
  UNION ALL
  SELECT 'granted_above_balance', p.id::text, p.granted_nanos - p.account, p.id FROM purse p WHERE p.granted_nanos > p.account
  UNION ALL
  SELECT 'debt', w.id::text, w.debt_nanos + b.balance_nanos, w.id
    FROM wallet w JOIN balance b ON b.wallet_id = w.id AND b.kind = 'debt' WHERE w.debt_nanos <> -b.balance_nanos
  UNION ALL
  SELECT 'wallet_without_accounts', w.id::text, 0, w.id FROM wallet w
   WHERE (SELECT count(*) FROM account a WHERE a.wallet_id = w.id) <> 2
  UNION ALL
  SELECT 'accounts_sum_to_zero', 'all', b.nanos, NULL FROM (SELECT coalesce(sum(balance_nanos), 0) AS nanos FROM balance) b WHERE b.nanos <> 0
  UNION ALL
  SELECT 'wallet_held', w.id::text, w.held_nanos - coalesce(h.nanos, 0), w.id
    FROM wallet w LEFT JOIN holds h ON h.wallet_id = w.id WHERE w.held_nanos <> coalesce(h.nanos, 0)
  UNION ALL
  SELECT 'hold_without_wallet', h.request_id::text, h.amount_nanos, NULL
    FROM hold h WHERE NOT EXISTS (SELECT 1 FROM wallet w WHERE w.id = h.wallet_id)
  UNION ALL
  SELECT 'limit_held', s.id::text, s.held_nanos - h.nanos, s.wallet_id
    FROM spending_limit s CROSS JOIN LATERAL (SELECT coalesce(sum(h.amount_nanos), 0) AS nanos FROM hold h
                                               WHERE h.api_key_id = s.api_key_id OR h.member_id = s.member_id
                                                  OR h.wallet_id = s.budget_wallet_id) h
   WHERE s.held_nanos <> h.nanos
  UNION ALL
  SELECT 'held_and_charged', h.request_id::text, h.amount_nanos, h.wallet_id
    FROM hold h JOIN usage_record u ON u.day = uuid7_day(h.request_id) AND u.id = h.request_id
  UNION ALL
  SELECT 'default_partition', to_char(s.day, 'YYYY-MM-DD'), s.records, NULL FROM usage_strays() s
$$;

-- Settlements after one: their transfers are the sums of their records, to the last.
CREATE OR REPLACE FUNCTION ledger_violations_settled(p_after bigint)
RETURNS TABLE (rule text, subject text, difference numeric, wallet_id bigint) LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH settled AS (
    SELECT settlement_id, wallet_id, sum(charge_nanos - write_off_nanos) AS nanos, sum(cost_nanos) AS cost, count(*) AS n
      FROM usage_record WHERE settlement_id > p_after GROUP BY 1, 2
  ), booked AS (   -- what the transfers of each settlement say, per wallet (NULL: the cost leg)
    SELECT t.settlement_id, coalesce(d.wallet_id, c.wallet_id) AS wallet_id,
           sum(CASE WHEN d.kind IN ('wallet', 'cost_of_goods') THEN t.amount_nanos ELSE -t.amount_nanos END) AS nanos
      FROM transfer t JOIN account d ON d.id = t.debit_account_id JOIN account c ON c.id = t.credit_account_id
     WHERE t.settlement_id > p_after GROUP BY 1, 2
  )
  SELECT 'settlement_sum', coalesce(s.settlement_id, b.settlement_id) || ':' || coalesce(s.wallet_id, b.wallet_id),
         coalesce(s.nanos, 0) - coalesce(b.nanos, 0), coalesce(s.wallet_id, b.wallet_id)
    FROM settled s FULL JOIN (SELECT * FROM booked WHERE wallet_id IS NOT NULL) b ON b.settlement_id = s.settlement_id AND b.wallet_id = s.wallet_id
   WHERE coalesce(s.nanos, 0) <> coalesce(b.nanos, 0)
  UNION ALL
  SELECT 'settlement_cost', coalesce(s.settlement_id, b.settlement_id)::text, coalesce(s.cost, 0) - coalesce(b.nanos, 0), NULL
    FROM (SELECT settlement_id, sum(cost) AS cost FROM settled GROUP BY 1) s
    FULL JOIN (SELECT * FROM booked WHERE wallet_id IS NULL) b ON b.settlement_id = s.settlement_id
   WHERE coalesce(s.cost, 0) <> coalesce(b.nanos, 0)
  UNION ALL
  SELECT 'settlement_count', coalesce(e.id, s.settlement_id)::text, coalesce(s.n, 0) - coalesce(e.records, 0), NULL
    FROM (SELECT * FROM settlement WHERE id > p_after) e
    FULL JOIN (SELECT settlement_id, sum(n) AS n FROM settled GROUP BY 1) s ON s.settlement_id = e.id
   WHERE coalesce(s.n, 0) <> coalesce(e.records, 0);
END $$;

-- Hours from one up to another: roll-ups are the sums of the settled records that began in them.
CREATE OR REPLACE FUNCTION ledger_violations_hours(p_from timestamptz, p_until timestamptz)
RETURNS TABLE (rule text, subject text, difference numeric, wallet_id bigint) LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH rolled AS (
    SELECT uuid7_hour(id) AS hour, wallet_id, api_key_id, coalesce(member_id, 0) AS member_id, model_id,
           coalesce(route_id, 0) AS route_id, client_protocol, count(*) FILTER (WHERE corrects_id IS NULL) AS requests,
           sum(input_tokens) + sum(cache_read_tokens) * 3 + sum(cache_write_5m_tokens) * 5 + sum(cache_write_1h_tokens) * 7
             + sum(output_tokens) * 11 + sum(reasoning_tokens) * 13 AS tokens,   -- distinct weights: a swap of buckets shows
           sum(charge_nanos) AS charge, sum(write_off_nanos) AS write_off, sum(cost_nanos) AS cost
      FROM usage_record
     WHERE settlement_id IS NOT NULL AND id >= uuid7_first(p_from) AND id < uuid7_first(p_until)
       AND day BETWEEN (p_from AT TIME ZONE 'UTC')::date AND (p_until AT TIME ZONE 'UTC')::date
     GROUP BY 1, 2, 3, 4, 5, 6, 7
  )
  SELECT 'roll_up', coalesce(h.wallet_id, r.wallet_id) || '@' || coalesce(h.hour, r.hour),
         coalesce(r.charge, 0) - coalesce(h.charge_nanos, 0), coalesce(h.wallet_id, r.wallet_id)
    FROM (SELECT * FROM usage_hourly WHERE hour >= p_from AND hour < p_until) h
    FULL JOIN rolled r USING (hour, wallet_id, api_key_id, member_id, model_id, route_id, client_protocol)
   WHERE (h.requests, h.input_tokens + h.cache_read_tokens * 3 + h.cache_write_5m_tokens * 5 + h.cache_write_1h_tokens * 7
           + h.output_tokens * 11 + h.reasoning_tokens * 13, h.charge_nanos, h.write_off_nanos, h.cost_nanos)
         IS DISTINCT FROM (r.requests, r.tokens, r.charge, r.write_off, r.cost);
END $$;

-- What only a look at the whole past can tell.
CREATE OR REPLACE FUNCTION ledger_violations_past()
RETURNS TABLE (rule text, subject text, difference numeric, wallet_id bigint) LANGUAGE sql STABLE AS $$
  -- closings, added up again
  SELECT 'closing', b.id::text, b.balance_nanos - o.balance_nanos, b.wallet_id
    FROM account_balance b JOIN account_balance_open() o ON o.id = b.id
   WHERE (b.balance_nanos, b.granted_nanos) IS DISTINCT FROM (o.balance_nanos::numeric, o.granted_nanos::numeric)
  UNION ALL
  -- A limit in total counts everything that ever was; the others what finished since their window began.
  SELECT 'limit_spent', s.id::text, s.spent_nanos - x.nanos, s.wallet_id
    FROM spending_limit s CROSS JOIN LATERAL (
      SELECT CASE WHEN s.period = 'total' THEN
        (SELECT coalesce(sum(h.charge_nanos - h.write_off_nanos), 0) FROM usage_hourly h
          WHERE h.wallet_id = s.wallet_id AND limit_counts(s.api_key_id, s.member_id, h.api_key_id, h.member_id))
        + (SELECT coalesce(sum(u.charge_nanos - u.write_off_nanos), 0) FROM usage_record u
            WHERE u.wallet_id = s.wallet_id AND u.settlement_id IS NULL AND limit_counts(s.api_key_id, s.member_id, u.api_key_id, u.member_id))
        ELSE (SELECT coalesce(sum(u.charge_nanos - u.write_off_nanos), 0) FROM usage_record u
               WHERE u.wallet_id = s.wallet_id AND u.created_at >= s.window_start
                 AND u.day >= (s.window_start AT TIME ZONE 'UTC')::date - 40
                 AND limit_counts(s.api_key_id, s.member_id, u.api_key_id, u.member_id)) END AS nanos) x
   WHERE s.spent_nanos <> x.nanos
  UNION ALL
  SELECT 'late_without_reaped', l.corrects_id::text, l.charge_nanos, l.wallet_id
    FROM usage_record l LEFT JOIN usage_record u ON u.day = l.day AND u.id = l.corrects_id AND u.corrects_id IS NULL
   WHERE l.corrects_id IS NOT NULL
     AND (u.id IS NULL OR u.outcome <> 'reaped' OR u.wallet_id <> l.wallet_id OR u.charge_nanos + l.charge_nanos < 0)
$$;

-- From where on records can be opened line by line: after the newest month that was taken out.
CREATE OR REPLACE FUNCTION usage_horizon(OUT settlement_id bigint, OUT began timestamptz) LANGUAGE sql STABLE AS $$
  SELECT coalesce(max(d.settlement_id), 0), coalesce(max(d.month) + interval '1 month', '2000-01-01')::timestamp AT TIME ZONE 'UTC'
    FROM usage_detached d
$$;

CREATE OR REPLACE FUNCTION ledger_violations()
RETURNS TABLE (rule text, subject text, difference numeric, wallet_id bigint) LANGUAGE sql STABLE AS $$
  SELECT * FROM ledger_violations_open()
  UNION ALL SELECT v.* FROM usage_horizon() h CROSS JOIN LATERAL ledger_violations_settled(h.settlement_id) v
  UNION ALL SELECT v.* FROM usage_horizon() h CROSS JOIN LATERAL ledger_violations_hours(h.began, '2200-01-01') v
  UNION ALL SELECT * FROM ledger_violations_past()
$$;

-- Dropped first: an earlier form of it had fewer columns.
DROP VIEW IF EXISTS ledger_violation;
CREATE VIEW ledger_violation AS SELECT * FROM ledger_violations();

-- The lowest UUIDv7 of a moment: where the records that began then or later start.
CREATE OR REPLACE FUNCTION uuid7_first(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;
