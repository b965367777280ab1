-- Transfers: money in, and debt repaid. Posted once per key, never changed.

-- Posts once per key. NULL: it was posted before with the same content. Other content under the same key: LG001.
-- p_granted (the part that is granted credit) follows from kind and wallet, so it is no part of that comparison.
CREATE OR REPLACE FUNCTION ledger_transfer(p_key text, p_kind text, p_debit bigint, p_credit bigint, p_amount bigint, p_reason text,
                                           p_granted bigint DEFAULT 0)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE v_id bigint;
BEGIN
  INSERT INTO transfer (idempotency_key, kind, debit_account_id, credit_account_id, amount_nanos, granted_nanos, reason, created_at)
  VALUES (p_key, p_kind, p_debit, p_credit, p_amount, p_granted, p_reason, ledger_now())
  ON CONFLICT (idempotency_key) DO NOTHING RETURNING id INTO v_id;
  IF v_id IS NULL AND NOT EXISTS (SELECT 1 FROM transfer t WHERE t.idempotency_key = p_key
                                     AND t.fingerprint = transfer_fingerprint(p_kind, p_debit, p_credit, p_amount, p_reason)) THEN
    RAISE EXCEPTION 'transfer_conflict: key % was used for another transfer', p_key USING ERRCODE = 'LG001';
  END IF;
  RETURN v_id;
END $$;

-- Free money repays debt first. The caller has locked the wallet. Granted credit goes first here too: were it kept, it could
-- come to exceed what is left on the account.
CREATE OR REPLACE FUNCTION ledger_repay(p_wallet bigint, p_key text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE v_nanos bigint; v_granted bigint;
BEGIN
  SELECT least(w.debt_nanos, w.posted_nanos - w.held_nanos), w.granted_nanos INTO v_nanos, v_granted FROM wallet w WHERE w.id = p_wallet;
  IF v_nanos > 0 THEN
    v_granted := least(v_granted, v_nanos);
    PERFORM ledger_transfer(p_key, 'repayment', account_of('wallet', p_wallet), account_of('debt', p_wallet), v_nanos, '', v_granted);
    UPDATE wallet SET posted_nanos = posted_nanos - v_nanos, debt_nanos = debt_nanos - v_nanos, granted_nanos = granted_nanos - v_granted
     WHERE id = p_wallet;
  END IF;
END $$;

-- From a house account to the wallet; promo and goodwill are granted credit. 'credited', or 'duplicate' when the key was used
-- before. The new credit is added before debt is repaid, so the account never owes the customer less than the grant.
CREATE OR REPLACE FUNCTION ledger_credit_from(p_wallet bigint, p_amount bigint, p_key text, p_kind text, p_from text, p_reason text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE v_granted bigint := CASE WHEN p_kind IN ('promo', 'goodwill') THEN p_amount ELSE 0 END;
BEGIN
  PERFORM ledger_lock(ARRAY[p_wallet]);
  IF ledger_transfer(p_key, p_kind, account_of(p_from), account_of('wallet', p_wallet), p_amount, p_reason, v_granted) IS NULL THEN
    RETURN 'duplicate';
  END IF;
  UPDATE wallet SET posted_nanos = posted_nanos + p_amount, granted_nanos = granted_nanos + v_granted WHERE id = p_wallet;
  PERFORM ledger_repay(p_wallet, p_key || ':repay');
  PERFORM ledger_notify(p_wallet);
  RETURN 'credited';
END $$;

-- The public door of money in. The kind decides where it comes from, so that no caller can name an account: granted credit out
-- of promo; a correction (or a development top-up, which no payment stands behind) out of suspense, where it waits to be explained.
-- Money paid through Stripe does not come this way: it has a payment to be matched with.
CREATE OR REPLACE FUNCTION ledger_credit(p_wallet bigint, p_amount bigint, p_key text, p_kind text, p_reason text)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE v_from text := CASE WHEN p_kind IN ('promo', 'goodwill') THEN 'promo' WHEN p_kind IN ('correction', 'topup') THEN 'suspense' END;
BEGIN
  IF v_from IS NULL THEN
    RAISE EXCEPTION 'credit_kind: % is no kind of credit', p_kind USING ERRCODE = 'LG002';
  END IF;
  RETURN ledger_credit_from(p_wallet, p_amount, p_key, p_kind, v_from, p_reason);
END $$;
