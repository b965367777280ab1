-- The books must hold: no row of ledger_violation means that they do.

-- Balance of each account, from the transfers alone.
CREATE OR REPLACE VIEW account_balance AS
  SELECT a.id, a.kind, a.wallet_id, coalesce(c.nanos, 0) - coalesce(d.nanos, 0) AS balance_nanos,   -- credits minus debits
         coalesce(c.granted, 0) - coalesce(d.granted, 0) AS granted_nanos
    FROM account a
    LEFT JOIN (SELECT credit_account_id AS id, sum(amount_nanos) AS nanos, sum(granted_nanos) AS granted FROM transfer GROUP BY 1) c ON c.id = a.id
    LEFT JOIN (SELECT debit_account_id  AS id, sum(amount_nanos) AS nanos, sum(granted_nanos) AS granted FROM transfer GROUP BY 1) d ON d.id = a.id;

CREATE OR REPLACE VIEW ledger_violation AS
  WITH unsettled AS (
    SELECT wallet_id, sum(charge_nanos - write_off_nanos) AS nanos FROM usage_record WHERE settlement_id IS NULL GROUP BY 1
  ), settled AS (
    SELECT settlement_id, wallet_id, sum(charge_nanos - write_off_nanos) AS nanos, sum(cost_nanos) AS cost, count(*) AS n
      FROM usage_record WHERE settlement_id IS NOT NULL GROUP BY 1, 2
  ), booked AS (   -- what the transfers of each settlement say, per wallet (NULL: the cost leg)
    SELECT t.settlement_id, coalesce(d.wallet_id, c.wallet_id) AS wallet_id,
           sum(CASE WHEN d.kind IN ('wallet', 'cost_of_goods') THEN t.amount_nanos ELSE -t.amount_nanos END) AS nanos
      FROM transfer t JOIN account d ON d.id = t.debit_account_id JOIN account c ON c.id = t.credit_account_id
     WHERE t.settlement_id IS NOT NULL GROUP BY 1, 2
  ), rolled AS (
    SELECT uuid7_hour(id) AS hour, wallet_id, api_key_id, coalesce(member_id, 0) AS member_id, model_id,
           coalesce(route_id, 0) AS route_id, client_protocol, count(*) FILTER (WHERE corrects_id IS NULL) AS requests,
           sum(input_tokens) + sum(cache_read_tokens) * 3 + sum(cache_write_5m_tokens) * 5 + sum(cache_write_1h_tokens) * 7
             + sum(output_tokens) * 11 + sum(reasoning_tokens) * 13 AS tokens,   -- distinct weights: a swap of buckets shows
           sum(charge_nanos) AS charge, sum(write_off_nanos) AS write_off, sum(cost_nanos) AS cost
      FROM usage_record WHERE settlement_id IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6, 7
  )
  SELECT 'posted' AS rule, w.id::text AS subject, (w.posted_nanos - (b.balance_nanos - coalesce(u.nanos, 0)))::numeric AS difference
    FROM wallet w JOIN account_balance b ON b.wallet_id = w.id AND b.kind = 'wallet' LEFT JOIN unsettled u ON u.wallet_id = w.id
   WHERE w.posted_nanos <> b.balance_nanos - coalesce(u.nanos, 0)
  UNION ALL
  SELECT 'debt', w.id::text, w.debt_nanos + b.balance_nanos
    FROM wallet w JOIN account_balance b ON b.wallet_id = w.id AND b.kind = 'debt' WHERE w.debt_nanos <> -b.balance_nanos
  UNION ALL
  SELECT 'granted', w.id::text, w.granted_nanos - b.granted_nanos
    FROM wallet w JOIN account_balance b ON b.wallet_id = w.id AND b.kind = 'wallet' WHERE w.granted_nanos <> b.granted_nanos
  UNION ALL
  SELECT 'granted_above_balance', w.id::text, w.granted_nanos - b.balance_nanos
    FROM wallet w JOIN account_balance b ON b.wallet_id = w.id AND b.kind = 'wallet' WHERE w.granted_nanos > b.balance_nanos
  UNION ALL
  SELECT 'wallet_without_accounts', w.id::text, 0 FROM wallet w
   WHERE (SELECT count(*) FROM account a WHERE a.wallet_id = w.id) <> 2
  UNION ALL
  SELECT 'accounts_sum_to_zero', 'all', b.nanos FROM (SELECT coalesce(sum(balance_nanos), 0) AS nanos FROM account_balance) b WHERE b.nanos <> 0
  UNION ALL
  SELECT 'wallet_held', w.id::text, w.held_nanos - coalesce(h.nanos, 0)
    FROM wallet w LEFT JOIN (SELECT wallet_id, sum(amount_nanos) AS nanos FROM hold GROUP BY 1) h ON h.wallet_id = w.id
   WHERE w.held_nanos <> coalesce(h.nanos, 0)
  UNION ALL
  SELECT 'hold_without_wallet', h.request_id::text, h.amount_nanos FROM hold h WHERE NOT EXISTS (SELECT 1 FROM wallet w WHERE w.id = h.wallet_id)
  UNION ALL
  SELECT 'limit_held', s.id::text, s.held_nanos - h.nanos
    FROM spending_limit s CROSS JOIN LATERAL (SELECT coalesce(sum(amount_nanos), 0) AS nanos FROM hold h
                                               WHERE h.api_key_id = s.api_key_id OR h.member_id = s.member_id) h
   WHERE s.held_nanos <> h.nanos
  UNION ALL
  SELECT 'limit_spent', s.id::text, s.spent_nanos - u.nanos
    FROM spending_limit s CROSS JOIN LATERAL (SELECT coalesce(sum(u.charge_nanos - u.write_off_nanos), 0) AS nanos FROM usage_record u
                                               WHERE u.wallet_id = s.wallet_id AND u.created_at >= s.window_start
                                                 AND (u.api_key_id = s.api_key_id OR u.member_id = s.member_id)) u
   WHERE s.spent_nanos <> u.nanos
  UNION ALL
  SELECT 'held_and_charged', h.request_id::text, h.amount_nanos
    FROM hold h JOIN usage_record u ON u.day = uuid7_day(h.request_id) AND u.id = h.request_id
  UNION ALL
  SELECT 'late_without_reaped', l.corrects_id::text, l.charge_nanos
    FROM usage_record l LEFT JOIN usage_record u ON u.day = l.day AND u.id = l.corrects_id AND u.corrects_id IS NULL
   WHERE l.corrects_id IS NOT NULL
     AND (u.id IS NULL OR u.outcome <> 'reaped' OR u.wallet_id <> l.wallet_id OR u.charge_nanos + l.charge_nanos < 0)
  UNION ALL
  SELECT 'settlement_sum', coalesce(s.settlement_id, b.settlement_id) || ':' || coalesce(s.wallet_id, b.wallet_id), coalesce(s.nanos, 0) - coalesce(b.nanos, 0)
    FROM settled s FULL JOIN (SELECT * FROM booked WHERE wallet_id IS NOT NULL) b ON b.settlement_id = s.settlement_id AND b.wallet_id = s.wallet_id
   WHERE coalesce(s.nanos, 0) <> coalesce(b.nanos, 0)
  UNION ALL
  SELECT 'settlement_cost', coalesce(s.settlement_id, b.settlement_id)::text, coalesce(s.cost, 0) - coalesce(b.nanos, 0)
    FROM (SELECT settlement_id, sum(cost) AS cost FROM settled GROUP BY 1) s
    FULL JOIN (SELECT * FROM booked WHERE wallet_id IS NULL) b ON b.settlement_id = s.settlement_id
   WHERE coalesce(s.cost, 0) <> coalesce(b.nanos, 0)
  UNION ALL
  SELECT 'settlement_count', coalesce(e.id, s.settlement_id)::text, coalesce(s.n, 0) - coalesce(e.records, 0)
    FROM settlement e FULL JOIN (SELECT settlement_id, sum(n) AS n FROM settled GROUP BY 1) s ON s.settlement_id = e.id
   WHERE coalesce(s.n, 0) <> coalesce(e.records, 0)
  UNION ALL
  SELECT 'roll_up', coalesce(h.wallet_id, r.wallet_id) || '@' || coalesce(h.hour, r.hour), coalesce(r.charge, 0) - coalesce(h.charge_nanos, 0)
    FROM usage_hourly h FULL JOIN rolled r USING (hour, wallet_id, api_key_id, member_id, model_id, route_id, client_protocol)
   WHERE (h.requests, h.input_tokens + h.cache_read_tokens * 3 + h.cache_write_5m_tokens * 5 + h.cache_write_1h_tokens * 7
           + h.output_tokens * 11 + h.reasoning_tokens * 13, h.charge_nanos, h.write_off_nanos, h.cost_nanos)
         IS DISTINCT FROM (r.requests, r.tokens, r.charge, r.write_off, r.cost)
  UNION ALL
  -- paid by Stripe means: some payment stands behind it. Until payments are recorded here, none may say so.
  SELECT 'topup_without_payment', t.idempotency_key, t.amount_nanos
    FROM transfer t WHERE t.kind = 'topup' AND t.debit_account_id = account_of('stripe_clearing')
  UNION ALL
  SELECT 'default_partition', to_char(day, 'YYYY-MM-DD'), count(*) FROM usage_record_default GROUP BY day;
