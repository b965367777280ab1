-- Admission: money is set aside before a request may start.

-- decision: held | exists (same request again) | resolved (already finished) | conflict (same id, other content)
--         | insufficient | debt | frozen | key_limit | member_limit | organization_budget | invalid
-- n is the place in the arrays; available_nanos is what this request could have had, the smallest of wallet and limits.
CREATE OR REPLACE FUNCTION ledger_hold(p_request uuid[], p_wallet bigint[], p_api_key bigint[], p_member bigint[], p_model bigint[],
                                       p_price_version bigint[], p_protocol text[], p_amount bigint[], p_lease bigint, p_ttl interval)
RETURNS TABLE (n int, decision text, available_nanos bigint, limit_id bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE v_known text[]; v_from date; v_to date; v_now timestamptz;
BEGIN
  PERFORM ledger_lock(p_wallet);
  SELECT min(uuid7_day(r)), max(uuid7_day(r)) INTO v_from, v_to FROM unnest(p_request) AS r;
  -- Look-ups are by primary key alone (LATERAL ... LIMIT 1): one more equality and the planner may prefer another index.
  -- The range of days lets it drop all other partitions when the statement starts. It waits for no row: see finish.
  SELECT array_agg(CASE
           WHEN q.nth > 1 OR q.amount IS NULL OR q.amount < 0 OR substr(q.id::text, 15, 1) <> '7' THEN 'invalid'
           WHEN u.id IS NOT NULL THEN 'resolved'
           WHEN h.request_id IS NULL THEN NULL
           WHEN h.wallet_id = q.wallet AND h.api_key_id = q.api_key AND h.amount_nanos = q.amount THEN 'exists'
           ELSE 'conflict' END ORDER BY q.n)
    INTO v_known
    FROM (SELECT *, row_number() OVER (PARTITION BY x.id ORDER BY x.n) AS nth
            FROM unnest(p_request, p_wallet, p_api_key, p_amount) WITH ORDINALITY AS x(id, wallet, api_key, amount, n)) q
    LEFT JOIN LATERAL (SELECT * FROM hold h WHERE h.request_id = q.id LIMIT 1) h ON true
    LEFT JOIN LATERAL (SELECT u.id FROM usage_record u WHERE u.day BETWEEN v_from AND v_to
                          AND u.day = uuid7_day(q.id) AND u.id = q.id LIMIT 1) u ON true;
  v_now := ledger_now();
  RETURN QUERY
  WITH decided AS MATERIALIZED (
    SELECT * FROM ledger_reserve(p_wallet, p_api_key, p_member, p_amount, v_known)
  ), made AS (
    INSERT INTO hold (request_id, wallet_id, api_key_id, member_id, model_id, price_version_id, client_protocol, amount_nanos,
                      lease_id, created_at, expires_at)
    SELECT p_request[n], p_wallet[n], p_api_key[n], p_member[n], p_model[n], p_price_version[n], p_protocol[n], p_amount[n],
           p_lease, v_now, v_now + p_ttl
      FROM decided WHERE decision = 'held'
  )
  SELECT n, decision, available_nanos, limit_id FROM decided;
END $$;
