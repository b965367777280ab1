-- May these requests have this money? Shared by hold and progress (renewal).

-- The caller has locked the wallets. Decides in the order of the arrays, the n-th seeing what the earlier ones took, then adds
-- the sums to wallets and limits: a fixed number of statements, whatever the size of the batch.
-- p_known[n] set: already decided by the caller, takes nothing.
-- Answers 'held', or what stands in the way. When money does, it is the smallest purse: the wallet, or a limit (limit_id).
CREATE OR REPLACE FUNCTION ledger_reserve(p_wallet bigint[], p_api_key bigint[], p_member bigint[], p_amount bigint[], p_known text[])
RETURNS TABLE (n int, decision text, available_nanos bigint, limit_id bigint)
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  v_now timestamptz := ledger_now();
  v_wallets bigint[]; v_free bigint[]; v_block text[]; v_taken bigint[];
  v_limits bigint[]; v_room bigint[]; v_keys bigint[]; v_members bigint[]; v_budgets bigint[]; v_counted bigint[];
  i int; w int; l int; v_slots int[]; v_binding int;
BEGIN
  SELECT array_agg(w.id), array_agg(w.posted_nanos - w.held_nanos), array_agg(0::bigint),
         array_agg(CASE WHEN w.status <> 'active' THEN 'frozen' WHEN w.debt_nanos > 0 THEN 'debt' END)
    INTO v_wallets, v_free, v_taken, v_block FROM wallet w WHERE w.id = ANY (p_wallet);
  -- Most batches have no limit at all. Three look-ups, each by its own index, instead of one with OR; the wallet's lock keeps the
  -- answer true until the rows are locked (a second wall: were a wallet's lock ever missing, this one would still hold).
  v_limits := ARRAY(SELECT s.id FROM spending_limit s WHERE s.api_key_id = ANY (p_api_key)
                    UNION ALL SELECT s.id FROM spending_limit s WHERE s.member_id = ANY (p_member)
                    UNION ALL SELECT s.id FROM spending_limit s WHERE s.budget_wallet_id = ANY (p_wallet));
  IF cardinality(v_limits) > 0 THEN
    SELECT array_agg(s.id), array_agg(0::bigint), array_agg(coalesce(s.api_key_id, 0)), array_agg(coalesce(s.member_id, 0)),
           array_agg(coalesce(s.budget_wallet_id, 0)),
           array_agg(s.amount_nanos - s.held_nanos
                     - CASE WHEN s.window_start < limit_window(s.period, v_now) THEN 0 ELSE s.spent_nanos END)
      INTO v_limits, v_counted, v_keys, v_members, v_budgets, v_room
      FROM (SELECT * FROM spending_limit s WHERE s.id = ANY (v_limits) ORDER BY s.id FOR NO KEY UPDATE) s;
  END IF;

  i := 0;
  FOREACH decision IN ARRAY coalesce(p_known, '{}') LOOP   -- p_known[i] would walk the array of texts each time
    i := i + 1;
    w := array_position(v_wallets, p_wallet[i]);
    n := i; available_nanos := v_free[w]; limit_id := NULL;
    IF decision IS NULL AND w IS NULL THEN decision := 'invalid'; END IF;
    IF decision IS NULL THEN
      v_binding := NULL; v_slots := '{}';
      IF v_keys IS NOT NULL THEN
        v_slots := array_positions(v_keys, p_api_key[i]) || array_positions(v_members, coalesce(p_member[i], -1))
                   || array_positions(v_budgets, p_wallet[i]);
      END IF;
      FOREACH l IN ARRAY v_slots LOOP
        IF v_room[l] < available_nanos THEN available_nanos := greatest(v_room[l], 0); v_binding := l; END IF;
      END LOOP;
      IF v_block[w] IS NOT NULL THEN
        decision := v_block[w];
      ELSIF p_amount[i] > available_nanos THEN
        limit_id := v_limits[v_binding];
        decision := CASE WHEN v_binding IS NULL THEN 'insufficient' WHEN v_keys[v_binding] > 0 THEN 'key_limit'
                         WHEN v_members[v_binding] > 0 THEN 'member_limit' ELSE 'organization_budget' END;
      ELSE
        decision := 'held';
        v_free[w] := v_free[w] - p_amount[i]; v_taken[w] := v_taken[w] + p_amount[i];
        FOREACH l IN ARRAY v_slots LOOP
          v_room[l] := v_room[l] - p_amount[i]; v_counted[l] := v_counted[l] + p_amount[i];
        END LOOP;
      END IF;
    END IF;
    RETURN NEXT;
  END LOOP;

  -- added, not assigned: were a lock ever missing, the CHECK on the wallet would still refuse to overspend
  UPDATE wallet w SET held_nanos = w.held_nanos + t.nanos
    FROM unnest(v_wallets, v_taken) AS t(id, nanos) WHERE w.id = t.id AND t.nanos > 0;
  IF v_keys IS NOT NULL THEN
    UPDATE spending_limit s
       SET held_nanos   = s.held_nanos + t.nanos,
           spent_nanos  = CASE WHEN s.window_start < limit_window(s.period, v_now) THEN 0 ELSE s.spent_nanos END,
           window_start = greatest(s.window_start, limit_window(s.period, v_now))
      FROM unnest(v_limits, v_counted) AS t(id, nanos) WHERE s.id = t.id AND t.nanos > 0;
  END IF;
END $$;
