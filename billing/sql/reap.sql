-- Reaping: requests whose gateway is gone are resolved by what it left behind.

-- A hold is an orphan when its gateway's lease, or its own end, is over by more than the grace. Both count from the server's start
-- at the earliest: while the database was away nobody could renew anything.
CREATE OR REPLACE FUNCTION hold_orphaned(p_expires timestamptz, p_leased timestamptz, p_grace interval) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT least(greatest(p_expires, pg_postmaster_start_time()),
               greatest(coalesce(p_leased, '-infinity'), pg_postmaster_start_time())) + p_grace < ledger_now()
$$;

-- Bills the last checkpoint of up to p_limit orphans and frees the rest: a finish like any other, with the evidence that the dead
-- process left. A gateway that was only paused finishes late: finish books the difference. Safe in several sessions at once.
CREATE OR REPLACE FUNCTION ledger_reap(p_limit int, p_grace interval) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET jit = off AS $$
DECLARE v_ids uuid[]; v_wallets bigint[]; v_count bigint;
BEGIN
  SELECT array_agg(o.request_id), array_agg(o.wallet_id) INTO v_ids, v_wallets
    FROM (SELECT h.request_id, h.wallet_id FROM hold h LEFT JOIN gateway_lease g ON g.id = h.lease_id
           WHERE hold_orphaned(h.expires_at, g.leased_until, p_grace) LIMIT p_limit) o;
  IF v_ids IS NULL THEN RETURN 0; END IF;
  PERFORM ledger_lock(v_wallets);
  -- a renewal may be under way: wait for it, and ask again below
  PERFORM 1 FROM hold h WHERE h.request_id = ANY (v_ids) ORDER BY h.request_id FOR UPDATE;
  SELECT count(*) INTO v_count
    FROM (SELECT array_agg(h.request_id) AS id, array_agg(h.wallet_id) AS wallet, array_agg(least(h.progress_nanos, h.amount_nanos)) AS charge,
                 array_agg(e.cost_nanos) AS cost, array_agg(e.route_id) AS route, array_agg(e.upstream_protocol) AS protocol,
                 array_agg(e.input_tokens) AS t1, array_agg(e.cache_read_tokens) AS t2, array_agg(e.cache_write_5m_tokens) AS t3,
                 array_agg(e.cache_write_1h_tokens) AS t4, array_agg(e.output_tokens) AS t5, array_agg(e.reasoning_tokens) AS t6,
                 array_agg(e.first_content_ms) AS first_ms, array_agg(e.duration_ms) AS ms, count(*)::int AS n
            FROM hold h LEFT JOIN gateway_lease g ON g.id = h.lease_id
           CROSS JOIN LATERAL jsonb_populate_record(NULL::usage_record, h.evidence) AS e
           WHERE h.request_id = ANY (v_ids) AND hold_orphaned(h.expires_at, g.leased_until, p_grace)) b,
         ledger_finish(b.id, b.wallet, array_fill('reaped'::text, ARRAY[b.n]), array_fill('checkpoint'::text, ARRAY[b.n]), b.charge, b.cost,
                       b.route, b.protocol, b.t1, b.t2, b.t3, b.t4, b.t5, b.t6, b.first_ms, b.ms) f
   WHERE f.result = 'charged';
  RETURN v_count;
END $$;

-- Leases that ended long ago and own nothing. A process that was paused for longer opens a new one.
CREATE OR REPLACE FUNCTION gateway_leases_forget(p_older interval) RETURNS bigint LANGUAGE sql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH forgotten AS (
    DELETE FROM gateway_lease g
     WHERE g.leased_until < ledger_now() - p_older AND NOT EXISTS (SELECT 1 FROM hold h WHERE h.lease_id = g.id)
    RETURNING 1)
  SELECT count(*) FROM forgotten
$$;

REVOKE EXECUTE ON FUNCTION ledger_progress, hold_orphaned, ledger_reap, gateway_leases_forget FROM PUBLIC;
