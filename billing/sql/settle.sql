-- Settlement: usage records become transfers and hourly roll-ups.

-- One transfer per wallet and batch (wallet -> revenue; the other way if late corrections gave back more), one for our cost.
-- p_locked are the batch's wallets with granted credit or debt, locked: what they pay comes out of granted credit first.
CREATE OR REPLACE FUNCTION settle_transfers(p_settlement bigint, p_rows usage_record[], p_locked bigint[]) RETURNS void LANGUAGE sql AS $$
  WITH wallets AS (
    SELECT u.wallet_id, sum(u.charge_nanos - u.write_off_nanos)::bigint AS nanos FROM unnest(p_rows) u GROUP BY u.wallet_id
  ), cost AS (
    SELECT sum(u.cost_nanos)::bigint AS nanos FROM unnest(p_rows) u
  ), legs AS (
    SELECT 'usage:' || p_settlement || ':' || t.wallet_id AS key, 'usage' AS kind, t.nanos,
           account_of('wallet', t.wallet_id) AS payer, account_of('revenue') AS payee,
           CASE WHEN t.wallet_id = ANY (p_locked) THEN least(w.granted_nanos, greatest(t.nanos, 0)) ELSE 0 END AS granted
      FROM wallets t JOIN wallet w ON w.id = t.wallet_id
    UNION ALL
    SELECT 'cost:' || p_settlement, 'cost', c.nanos, account_of('cost_of_goods'), account_of('upstream_payable'), 0 FROM cost c
  ), booked AS (
    INSERT INTO transfer (idempotency_key, kind, debit_account_id, credit_account_id, amount_nanos, granted_nanos, settlement_id, created_at)
    SELECT key, kind, CASE WHEN nanos > 0 THEN payer ELSE payee END, CASE WHEN nanos > 0 THEN payee ELSE payer END,
           abs(nanos), granted, p_settlement, ledger_now()
      FROM legs WHERE nanos <> 0
    RETURNING debit_account_id, granted_nanos
  )
  UPDATE wallet w SET granted_nanos = w.granted_nanos - b.granted_nanos
    FROM booked b JOIN account a ON a.id = b.debit_account_id
   WHERE w.id = a.wallet_id AND b.granted_nanos > 0
$$;

-- Sorted by key, so that two workers that touch the same hours never wait for each other in a circle.
CREATE OR REPLACE FUNCTION settle_roll_up(p_rows usage_record[]) RETURNS void LANGUAGE sql AS $$
  INSERT INTO usage_hourly AS h (hour, wallet_id, api_key_id, member_id, model_id, route_id, client_protocol, requests,
         input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens,
         charge_nanos, write_off_nanos, cost_nanos)
  SELECT uuid7_hour(u.id), u.wallet_id, u.api_key_id, coalesce(u.member_id, 0), u.model_id, coalesce(u.route_id, 0),
         u.client_protocol, count(*) FILTER (WHERE u.corrects_id IS NULL), sum(u.input_tokens), sum(u.cache_read_tokens),
         sum(u.cache_write_5m_tokens), sum(u.cache_write_1h_tokens), sum(u.output_tokens), sum(u.reasoning_tokens),
         sum(u.charge_nanos), sum(u.write_off_nanos), sum(u.cost_nanos)
    FROM unnest(p_rows) u GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 2, 1, 3, 4, 5, 6, 7
  ON CONFLICT (wallet_id, hour, api_key_id, member_id, model_id, route_id, client_protocol) DO UPDATE SET
    requests              = h.requests              + excluded.requests,
    input_tokens          = h.input_tokens          + excluded.input_tokens,
    cache_read_tokens     = h.cache_read_tokens     + excluded.cache_read_tokens,
    cache_write_5m_tokens = h.cache_write_5m_tokens + excluded.cache_write_5m_tokens,
    cache_write_1h_tokens = h.cache_write_1h_tokens + excluded.cache_write_1h_tokens,
    output_tokens         = h.output_tokens         + excluded.output_tokens,
    reasoning_tokens      = h.reasoning_tokens      + excluded.reasoning_tokens,
    charge_nanos          = h.charge_nanos          + excluded.charge_nanos,
    write_off_nanos       = h.write_off_nanos       + excluded.write_off_nanos,
    cost_nanos            = h.cost_nanos            + excluded.cost_nanos
$$;

-- Claims up to p_limit unsettled records and books them, all in one transaction. Safe in several workers at once.
-- records: how many it booked (0: the queue was empty); the API keys they came through and when each was last used.
-- Wallets are locked last and only where granted credit or debt must change: a finish never waits for a whole settlement. A
-- grant that arrives in between is spent by the next one. Money that a finished hold set free repays debt: else a customer
-- with debt could own money and still be blocked.
CREATE OR REPLACE FUNCTION ledger_settle(p_limit int, OUT records int, OUT api_key_ids bigint[], OUT last_used timestamptz[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE v_rows usage_record[]; v_settlement bigint; v_wallets bigint[]; v_locked bigint[];
BEGIN
  records := 0; api_key_ids := '{}'; last_used := '{}';
  WITH claimed AS MATERIALIZED (
    SELECT u.day, u.id FROM usage_record u WHERE u.settlement_id IS NULL
     ORDER BY u.day, u.id LIMIT p_limit FOR UPDATE SKIP LOCKED
  ), batch AS MATERIALIZED (   -- a number is drawn only when there is something to settle
    SELECT nextval('settlement_id_seq') AS id FROM (SELECT 1 FROM claimed LIMIT 1) AS any_claimed
  ), marked AS (
    UPDATE usage_record u SET settlement_id = b.id FROM claimed c, batch b
     WHERE u.day = c.day AND u.id = c.id RETURNING u AS r
  )
  SELECT array_agg(m.r) INTO v_rows FROM marked m;
  IF v_rows IS NULL THEN RETURN; END IF;

  records := cardinality(v_rows);
  v_settlement := v_rows[1].settlement_id;
  INSERT INTO settlement (id, created_at, records) OVERRIDING SYSTEM VALUE VALUES (v_settlement, ledger_now(), records);
  PERFORM settle_roll_up(v_rows);
  v_wallets := ARRAY(SELECT DISTINCT u.wallet_id FROM unnest(v_rows) u);
  v_locked := ARRAY(SELECT w.id FROM wallet w WHERE w.id = ANY (v_wallets) AND greatest(w.debt_nanos, w.granted_nanos) > 0);
  PERFORM ledger_lock(v_locked);
  PERFORM settle_transfers(v_settlement, v_rows, v_locked);
  PERFORM ledger_repay(id, 'repay:' || v_settlement || ':' || id) FROM unnest(v_locked) AS id;
  PERFORM ledger_notify(id) FROM unnest(v_wallets) AS id;
  SELECT array_agg(k.id), array_agg(k.used) INTO api_key_ids, last_used
    FROM (SELECT u.api_key_id AS id, max(u.created_at) AS used FROM unnest(v_rows) u GROUP BY 1) k;
END $$;
