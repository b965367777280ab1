-- Spending limits of API keys, members and whole organisations (budgets: neither key nor member).

-- Whether what this key and member did counts for a limit of that key, that member, or (neither) the whole wallet.
CREATE OR REPLACE FUNCTION limit_counts(p_api_key bigint, p_member bigint, api_key bigint, member bigint)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN num_nonnulls(p_api_key, p_member) = 0 THEN true ELSE api_key = p_api_key OR member = p_member END
$$;

-- What one API key, member or wallet spent since a window began. A request counts in the window in which it finished, so: all that began
-- in it (settled hours, and records not settled yet), and those of the day before that finished in it. No request lasts a day.
-- One statement: a settlement that commits meanwhile moves records from one part to the other.
CREATE OR REPLACE FUNCTION limit_spent(p_wallet bigint, p_api_key bigint, p_member bigint, p_start timestamptz)
RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT (coalesce((SELECT sum(h.charge_nanos - h.write_off_nanos) FROM usage_hourly h
                     WHERE h.wallet_id = p_wallet AND h.hour >= p_start AND limit_counts(p_api_key, p_member, h.api_key_id, h.member_id)), 0)
        + coalesce((SELECT sum(u.charge_nanos - u.write_off_nanos) FROM usage_record u
                     WHERE u.wallet_id = p_wallet AND u.settlement_id IS NULL AND uuid7_hour(u.id) >= p_start
                       AND limit_counts(p_api_key, p_member, u.api_key_id, u.member_id)), 0)
        + coalesce((SELECT sum(u.charge_nanos - u.write_off_nanos) FROM usage_record u
                     WHERE u.wallet_id = p_wallet AND u.day = (p_start AT TIME ZONE 'UTC')::date - 1 AND u.created_at >= p_start
                       AND uuid7_hour(u.id) < p_start AND limit_counts(p_api_key, p_member, u.api_key_id, u.member_id)), 0))::bigint
$$;

-- Makes or changes a limit. A new one starts with the holds that are open now (without them the next finish would take more out
-- of held_nanos than was put in) and with what was spent earlier in its window. Changing the amount keeps both.
CREATE OR REPLACE FUNCTION ledger_limit_set(p_wallet bigint, p_api_key bigint, p_member bigint, p_period text, p_amount bigint)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE v_id bigint; v_start timestamptz; v_held bigint;
BEGIN
  PERFORM ledger_lock(ARRAY[p_wallet]);
  v_start := limit_window(p_period, ledger_now());
  SELECT coalesce(sum(h.amount_nanos), 0) INTO v_held
    FROM hold h WHERE h.wallet_id = p_wallet AND limit_counts(p_api_key, p_member, h.api_key_id, h.member_id);
  INSERT INTO spending_limit AS s (wallet_id, api_key_id, member_id, period, amount_nanos, window_start, held_nanos, spent_nanos)
  VALUES (p_wallet, p_api_key, p_member, p_period, p_amount, v_start, v_held, limit_spent(p_wallet, p_api_key, p_member, v_start))
  ON CONFLICT ON CONSTRAINT limit_once DO UPDATE SET amount_nanos = excluded.amount_nanos WHERE s.wallet_id = excluded.wallet_id
  RETURNING id INTO v_id;
  IF v_id IS NULL THEN
    RAISE EXCEPTION 'limit_conflict: this limit belongs to another wallet' USING ERRCODE = 'LG004';
  END IF;
  RETURN v_id;
END $$;
