-- The end of a request: its hold is resolved once, its usage recorded, its charge paid. One call, one transaction.

-- result: charged | late (the reaper was first; the difference is booked) | duplicate (nothing done) | conflict (same id, other
-- content) | unknown (no such request). n is the place in the arrays; the answers come in no particular order, and of a request
-- that stands twice in a batch only the first is answered. charged_nanos is what the wallet has paid for the request, all its
-- records together, and write_off_nanos what we bear: so a caller that lost the first answer reads the amounts from 'duplicate'.
-- One bad row (unknown outcome, say) fails the whole batch: the caller then sends its requests one by one.
CREATE OR REPLACE FUNCTION ledger_finish(p_request uuid[], p_wallet bigint[], p_outcome text[], p_source text[], p_charge bigint[],
  p_cost bigint[], p_route bigint[], p_protocol text[], p_input bigint[], p_cache_read bigint[], p_cache_write_5m bigint[],
  p_cache_write_1h bigint[], p_output bigint[], p_reasoning bigint[], p_first_content_ms int[], p_duration_ms int[],
  p_attempts jsonb[] DEFAULT NULL)
RETURNS TABLE (n int, result text, charged_nanos bigint, write_off_nanos bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE v_from date; v_to date; v_now timestamptz; v_first usage_record[]; v_late usage_record[] := '{}';
BEGIN
  PERFORM ledger_lock(p_wallet);
  SELECT min(uuid7_day(r)), max(uuid7_day(r)) INTO v_from, v_to FROM unnest(p_request) AS r;
  -- What is already recorded for these requests. Statements of their own: inside the one below, on PostgreSQL 18, a look-up of
  -- the partitioned table found nothing whenever the DELETE had to wait for a row (recheck after a wait plus pruning).
  v_first := ARRAY(SELECT l.r FROM unnest(p_request) AS q(id) CROSS JOIN LATERAL (
    SELECT u AS r FROM usage_record u WHERE u.day BETWEEN v_from AND v_to AND u.day = uuid7_day(q.id) AND u.id = q.id LIMIT 1) l);
  IF cardinality(v_first) > 0 THEN
    v_late := ARRAY(SELECT l.r FROM unnest(v_first) AS e CROSS JOIN LATERAL (
      SELECT u AS r FROM usage_record u WHERE u.day BETWEEN v_from AND v_to AND u.day = e.day AND u.id = usage_correction_id(e.id) LIMIT 1) l
      WHERE e.outcome = 'reaped');
  END IF;
  v_now := ledger_now();
  RETURN QUERY
  WITH asked AS MATERIALIZED (
    SELECT DISTINCT ON (x.id) x.n::int AS n, x.id, uuid7_day(x.id) AS day, x.wallet, x.outcome, x.source, x.route, x.protocol, x.first_ms, x.ms, x.attempts,
           CASE WHEN x.outcome = 'void' THEN 0 ELSE greatest(x.charge, 0) END AS charge, coalesce(x.cost, 0) AS cost,
           coalesce(x.t1, 0) AS t1, coalesce(x.t2, 0) AS t2, coalesce(x.t3, 0) AS t3,
           coalesce(x.t4, 0) AS t4, coalesce(x.t5, 0) AS t5, coalesce(x.t6, 0) AS t6
      FROM unnest(p_request, p_wallet, p_outcome, p_source, p_charge, p_cost, p_route, p_protocol, p_input, p_cache_read,
                  p_cache_write_5m, p_cache_write_1h, p_output, p_reasoning, p_first_content_ms, p_duration_ms, p_attempts) WITH ORDINALITY
        AS x(id, wallet, outcome, source, charge, cost, route, protocol, t1, t2, t3, t4, t5, t6, first_ms, ms, attempts, n)
     ORDER BY x.id, x.n
  ), earlier AS MATERIALIZED (
    SELECT DISTINCT ON (e.id) e.*, l.charge_nanos AS late_charge, l.write_off_nanos AS late_write_off
      FROM unnest(v_first) e LEFT JOIN unnest(v_late) l ON l.corrects_id = e.id
  ), gone AS (                   -- a hold can be deleted once only: this is what makes a charge happen once
    DELETE FROM hold h USING asked a WHERE h.request_id = a.id AND h.wallet_id + 0 = a.wallet   -- "+ 0": by primary key only
    RETURNING h.*
  ), todo AS MATERIALIZED (
    SELECT a.*, a.id AS record_id, NULL::uuid AS corrects_id, g.amount_nanos AS held, g.api_key_id, g.member_id, g.model_id,
           g.price_version_id, g.client_protocol, g.created_at AS started_at
      FROM asked a JOIN gone g ON g.request_id = a.id
    UNION ALL                    -- reaped before: book actual minus checkpoint, in either direction
    SELECT a.n, a.id, a.day, a.wallet, a.outcome, a.source, a.route, a.protocol, a.first_ms, a.ms, a.attempts,
           a.charge - e.charge_nanos, a.cost - e.cost_nanos, a.t1 - e.input_tokens, a.t2 - e.cache_read_tokens,
           a.t3 - e.cache_write_5m_tokens, a.t4 - e.cache_write_1h_tokens, a.t5 - e.output_tokens, a.t6 - e.reasoning_tokens,
           usage_correction_id(a.id), a.id, 0, e.api_key_id, e.member_id, e.model_id, e.price_version_id, e.client_protocol, e.started_at
      FROM asked a JOIN earlier e ON e.id = a.id
     WHERE e.outcome = 'reaped' AND a.outcome <> 'reaped' AND e.late_charge IS NULL AND e.wallet_id = a.wallet
  ), short AS (                  -- per wallet: what neither the holds nor the free balance cover
    SELECT w.id, greatest(0, sum(t.charge - t.held) - (w.posted_nanos - w.held_nanos))::bigint AS nanos
      FROM todo t JOIN wallet w ON w.id = t.wallet GROUP BY w.id
  ), priced AS MATERIALIZED (    -- it is written off on the requests that went above their hold, the largest excess first
    SELECT t.*, least(o.over, greatest(0, s.nanos - (sum(o.over) OVER (PARTITION BY t.wallet ORDER BY o.over DESC, t.id) - o.over)))::bigint AS write_off
      FROM todo t JOIN short s ON s.id = t.wallet CROSS JOIN LATERAL (SELECT greatest(t.charge - t.held, 0) AS over) o
  ), recorded AS (
    INSERT INTO usage_record AS u (day, id, corrects_id, wallet_id, api_key_id, member_id, model_id, route_id, price_version_id,
           input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens,
           held_nanos, charge_nanos, write_off_nanos, cost_nanos, started_at, created_at, first_content_ms, duration_ms,
           client_protocol, upstream_protocol, outcome, source, attempts)
    SELECT day, record_id, corrects_id, wallet, api_key_id, member_id, model_id, route, price_version_id, t1, t2, t3, t4, t5, t6,
           held, charge, write_off, cost, started_at, v_now, first_ms, ms, client_protocol, protocol, outcome, source, attempts
      FROM priced
    RETURNING coalesce(u.corrects_id, u.id) AS request_id, u.corrects_id, u.charge_nanos, u.write_off_nanos
  ), paid AS (
    UPDATE wallet w SET posted_nanos = w.posted_nanos - t.nanos, held_nanos = w.held_nanos - t.held
      FROM (SELECT p.wallet, sum(p.charge - p.write_off)::bigint AS nanos, sum(p.held)::bigint AS held FROM priced p GROUP BY p.wallet) t
     WHERE w.id = t.wallet
  ), counted AS (                -- an UPDATE may touch a row once, so a limit's requests are added up first
    UPDATE spending_limit s
       SET held_nanos   = s.held_nanos - t.held,
           spent_nanos  = t.nanos + CASE WHEN s.window_start < limit_window(s.period, v_now) THEN 0 ELSE s.spent_nanos END,
           window_start = greatest(s.window_start, limit_window(s.period, v_now))
      FROM (SELECT l.id, sum(p.charge - p.write_off)::bigint AS nanos, sum(p.held)::bigint AS held
              FROM priced p CROSS JOIN LATERAL (
                   SELECT l.id FROM spending_limit l WHERE l.api_key_id = p.api_key_id
                   UNION ALL SELECT l.id FROM spending_limit l WHERE l.member_id = p.member_id
                   UNION ALL SELECT l.id FROM spending_limit l WHERE l.budget_wallet_id = p.wallet) l
             GROUP BY l.id) t
     WHERE s.id = t.id
  )
  SELECT a.n,
         CASE WHEN r.request_id IS NOT NULL THEN CASE WHEN r.corrects_id IS NULL THEN 'charged' ELSE 'late' END
              WHEN e.id IS NULL THEN CASE WHEN EXISTS (SELECT 1 FROM hold h WHERE h.request_id = a.id) THEN 'conflict' ELSE 'unknown' END
              WHEN e.wallet_id <> a.wallet THEN 'conflict'
              WHEN a.outcome = 'reaped' OR e.charge_nanos + coalesce(e.late_charge, 0) = a.charge THEN 'duplicate'
              ELSE 'conflict' END,
         coalesce(r.charge_nanos - r.write_off_nanos, 0) + coalesce(e.charge_nanos - e.write_off_nanos, 0)
           + coalesce(e.late_charge - e.late_write_off, 0),
         coalesce(r.write_off_nanos, 0) + coalesce(e.write_off_nanos, 0) + coalesce(e.late_write_off, 0)
    FROM asked a
    LEFT JOIN recorded r ON r.request_id = a.id
    LEFT JOIN earlier e  ON e.id = a.id;
END $$;
