-- Progress and renewal: once a second and process, all live requests in one call.

-- Records what each request has used, keeps its hold alive, and enlarges it by p_extend (0 or NULL: no need yet).
-- decision: granted | gone (there is no such hold: its request must end) | busy (another statement has this hold right now, or it
--         stands twice in the batch: ask again) | what stands in the way of more money: insufficient, debt, frozen, key_limit,
--         member_limit, organization_budget. The hold lives on in that case: what it has may be used up.
-- n is the place in the arrays; available_nanos is what this request could have had.
CREATE OR REPLACE FUNCTION ledger_progress(p_request uuid[], p_wallet bigint[], p_progress bigint[], p_evidence jsonb[],
                                           p_extend bigint[], p_ttl interval)
RETURNS TABLE (n int, decision text, available_nanos bigint, limit_id bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE v_known text[]; v_key bigint[]; v_member bigint[]; v_now timestamptz;
BEGIN
  -- only requests that ask for money need their wallet
  PERFORM ledger_lock(ARRAY(SELECT q.wallet FROM unnest(p_wallet, p_extend) AS q(wallet, extend) WHERE q.extend > 0));
  -- SKIP LOCKED: a statement that locks many holds and never waits for one can't be part of a deadlock
  SELECT array_agg(CASE WHEN q.nth > 1 THEN 'busy' WHEN h.request_id IS NULL THEN 'gone' WHEN q.extend > 0 THEN NULL ELSE 'held' END ORDER BY q.n),
         array_agg(CASE WHEN q.extend > 0 THEN h.api_key_id END ORDER BY q.n),
         array_agg(CASE WHEN q.extend > 0 THEN h.member_id END ORDER BY q.n)
    INTO v_known, v_key, v_member
    FROM (SELECT *, row_number() OVER (PARTITION BY x.id ORDER BY x.n) AS nth
            FROM unnest(p_request, p_wallet, p_extend) WITH ORDINALITY AS x(id, wallet, extend, n)) q
    LEFT JOIN (SELECT * FROM hold h WHERE h.request_id = ANY (p_request) FOR UPDATE SKIP LOCKED) h
           ON h.request_id = q.id AND h.wallet_id = q.wallet;
  v_now := ledger_now();
  RETURN QUERY
  WITH decided AS MATERIALIZED (
    SELECT * FROM ledger_reserve(p_wallet, v_key, v_member, p_extend, v_known)
  ), renewed AS (
    UPDATE hold h
       SET progress_nanos = greatest(h.progress_nanos, q.progress),
           evidence       = coalesce(q.evidence, h.evidence),
           amount_nanos   = h.amount_nanos + CASE WHEN d.decision = 'held' THEN greatest(coalesce(q.extend, 0), 0) ELSE 0 END,
           expires_at     = v_now + p_ttl
      FROM decided d JOIN unnest(p_request, p_progress, p_evidence, p_extend) WITH ORDINALITY AS q(id, progress, evidence, extend, n) ON q.n = d.n
     WHERE h.request_id = q.id AND d.decision NOT IN ('gone', 'busy')
  )
  SELECT d.n,
         CASE WHEN d.decision = 'held' THEN 'granted'
              WHEN d.decision = 'gone' AND h.request_id IS NOT NULL THEN 'busy'   -- locked, not gone
              ELSE d.decision END,
         d.available_nanos, d.limit_id
    FROM decided d LEFT JOIN LATERAL (SELECT h.request_id FROM hold h WHERE h.request_id = p_request[d.n] AND h.wallet_id = p_wallet[d.n] LIMIT 1) h ON true;
END $$;
