-- Closing a day: balances are written down, so that the check of each minute need not add up the whole past.

-- The table lock waits for transfers that are being written and holds off new ones for that moment: without it a transfer with
-- a lower id could still be committed after the sums were taken. Hold and finish write no transfer and go on.
-- Returns how many accounts had moved; 0 also for a day that was closed before.
CREATE OR REPLACE FUNCTION ledger_close_day(p_day date) RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE v_end timestamptz := (p_day + 1)::timestamp AT TIME ZONE 'UTC'; v_after bigint; v_through bigint; v_moved bigint;
BEGIN
  IF v_end > ledger_now() THEN
    RAISE EXCEPTION 'close_too_early: % is not over', p_day USING ERRCODE = 'LG005';
  END IF;
  LOCK TABLE transfer IN SHARE MODE;
  IF EXISTS (SELECT 1 FROM ledger_close c WHERE c.day >= p_day) THEN RETURN 0; END IF;
  SELECT coalesce(max(c.transfer_id), 0) INTO v_after FROM ledger_close c;
  SELECT t.id INTO v_through FROM transfer t WHERE t.created_at < v_end ORDER BY t.id DESC LIMIT 1;
  v_through := greatest(coalesce(v_through, 0), v_after);
  INSERT INTO ledger_close (day, transfer_id, closed_at) VALUES (p_day, v_through, ledger_now());
  INSERT INTO account_close (account_id, day, balance_nanos, granted_nanos)
  SELECT m.account_id, p_day, coalesce(c.balance_nanos, 0) + m.nanos, coalesce(c.granted_nanos, 0) + m.granted
    FROM account_moves(v_after, v_through) m
    LEFT JOIN LATERAL (SELECT * FROM account_close c WHERE c.account_id = m.account_id ORDER BY c.day DESC LIMIT 1) c ON true;
  GET DIAGNOSTICS v_moved = ROW_COUNT;
  RETURN v_moved;
END $$;

REVOKE EXECUTE ON FUNCTION ledger_close_day FROM PUBLIC;
