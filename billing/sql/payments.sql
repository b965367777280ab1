-- Payments: what Stripe says happened becomes transfers, each once. The caller has asked Stripe; here the books follow.
--
-- Every function locks the wallet first and then its own row, so it can be called by webhook, page and sweep at once, in any
-- order and any number of times. 1 cent = 10,000,000 nanos.

CREATE OR REPLACE FUNCTION cents(p_cents bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT p_cents * 10000000 $$;

-- A payment succeeded. 'credited', or 'duplicate' when this payment was booked before; LG001 when another one paid this top-up.
CREATE OR REPLACE FUNCTION topup_credit(p_topup uuid, p_payment text, p_tax_cents bigint) RETURNS text LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE v topup; v_key text := 'topup:' || p_payment;
BEGIN
  PERFORM ledger_lock(ARRAY(SELECT wallet_id FROM topup WHERE id = p_topup));
  -- Before the top-up: who begins the next automatic one has this row, and waits for ours by the index of those in flight.
  PERFORM 1 FROM auto_topup a WHERE a.wallet_id = (SELECT wallet_id FROM topup WHERE id = p_topup) FOR NO KEY UPDATE;
  SELECT * INTO STRICT v FROM topup WHERE id = p_topup FOR NO KEY UPDATE;
  IF v.status = 'paid' THEN
    IF v.payment_intent_id <> p_payment OR v.tax_cents <> p_tax_cents THEN
      RAISE EXCEPTION 'topup_conflict: % was paid by another payment', p_topup USING ERRCODE = 'LG001';
    END IF;
    RETURN 'duplicate';
  END IF;
  PERFORM ledger_transfer(v_key, 'topup', account_of('stripe_clearing'), account_of('wallet', v.wallet_id), cents(v.amount_cents),
                          CASE v.kind WHEN 'auto' THEN 'Automatic top-up' ELSE 'Card payment' END);
  IF p_tax_cents > 0 THEN
    PERFORM ledger_transfer(v_key || ':tax', 'tax', account_of('stripe_clearing'), account_of('tax_payable'), cents(p_tax_cents), '');
  END IF;
  UPDATE wallet SET posted_nanos = posted_nanos + cents(v.amount_cents) WHERE id = v.wallet_id;
  PERFORM ledger_repay(v.wallet_id, v_key || ':debt');
  UPDATE topup SET status = 'paid', payment_intent_id = p_payment, tax_cents = p_tax_cents, failure = '', paid_at = ledger_now()
   WHERE id = p_topup;
  IF v.kind = 'auto' THEN   -- the card works: earlier failures count no more
    UPDATE auto_topup SET failures = 0, next_try_at = ledger_now() WHERE wallet_id = v.wallet_id;
  END IF;
  PERFORM ledger_notify(v.wallet_id);
  RETURN 'credited';
END $$;

-- What could go back to the card now, in cents: of this top-up what was not refunded or disputed before, and of the wallet what
-- was bought, is free and was not spent. Granted credit is spent first, so it is left out of the free part whole.
CREATE OR REPLACE FUNCTION topup_refundable(p_topup uuid) RETURNS bigint LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT CASE WHEN t.status <> 'paid' OR w.status <> 'active' OR w.debt_nanos > 0 OR EXISTS (SELECT 1 FROM dispute d
                WHERE d.topup_id = t.id AND d.reinstated_at IS NULL AND (d.withdrawn_at IS NOT NULL OR d.closed_at IS NULL)) THEN 0
              ELSE greatest(0, least(
                t.amount_cents - (SELECT coalesce(sum(r.amount_cents), 0) FROM refund r WHERE r.topup_id = t.id AND r.status <> 'failed'),
                (w.posted_nanos - w.held_nanos - w.granted_nanos) / 10000000)) END::bigint
    FROM topup t JOIN wallet w ON w.id = t.wallet_id WHERE t.id = p_topup
$$;

-- The tax that goes back with p_cents of a top-up: its share, and whatever is left with the last of it.
CREATE OR REPLACE FUNCTION refund_tax(p_topup topup, p_cents bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN p_cents + coalesce(sum(r.amount_cents), 0) >= p_topup.amount_cents
              THEN greatest(0, p_topup.tax_cents - coalesce(sum(r.tax_cents), 0))
              ELSE least(round(p_topup.tax_cents::numeric * p_cents / p_topup.amount_cents), p_topup.tax_cents - coalesce(sum(r.tax_cents), 0))
         END::bigint
    FROM refund r WHERE r.topup_id = p_topup.id AND r.status <> 'failed'
$$;

-- Takes p_nanos off the wallet to a house account; what is not free is owed. Granted credit pays last: what goes back to a card
-- was bought. Only when it must pay does it shrink, because it can never be more than the account.
CREATE OR REPLACE FUNCTION wallet_take(p_wallet bigint, p_nanos bigint, p_key text, p_kind text, p_to text, p_reason text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE v_free bigint; v_granted bigint; v_account numeric; v_from_granted bigint;
BEGIN
  SELECT greatest(0, least(p_nanos, w.posted_nanos - w.held_nanos)), w.granted_nanos INTO v_free, v_granted FROM wallet w WHERE w.id = p_wallet;
  IF v_free > 0 THEN
    -- The account, with what was charged and is not settled yet: granted credit is measured against it.
    SELECT w.posted_nanos + coalesce((SELECT sum(u.charge_nanos - u.write_off_nanos) FROM usage_record u
             WHERE u.wallet_id = p_wallet AND u.settlement_id IS NULL), 0) INTO v_account FROM wallet w WHERE w.id = p_wallet;
    v_from_granted := greatest(0, v_granted - (v_account - v_free));
    PERFORM ledger_transfer(p_key, p_kind, account_of('wallet', p_wallet), account_of(p_to), v_free, p_reason, v_from_granted);
    UPDATE wallet SET posted_nanos = posted_nanos - v_free, granted_nanos = granted_nanos - v_from_granted WHERE id = p_wallet;
  END IF;
  IF v_free < p_nanos THEN
    PERFORM ledger_transfer(p_key || ':debt', 'debt', account_of('debt', p_wallet), account_of(p_to), p_nanos - v_free, p_reason);
    UPDATE wallet SET debt_nanos = debt_nanos + p_nanos - v_free WHERE id = p_wallet;
  END IF;
  PERFORM ledger_notify(p_wallet);
END $$;

-- Puts back on the wallet what a house account took; debt is repaid first.
CREATE OR REPLACE FUNCTION wallet_give_back(p_wallet bigint, p_nanos bigint, p_key text, p_kind text, p_from text, p_reason text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM ledger_transfer(p_key, p_kind, account_of(p_from), account_of('wallet', p_wallet), p_nanos, p_reason);
  UPDATE wallet SET posted_nanos = posted_nanos + p_nanos WHERE id = p_wallet;
  PERFORM ledger_repay(p_wallet, p_key || ':debt');
  PERFORM ledger_notify(p_wallet);
END $$;

-- Sets money aside for a refund: it can no longer be spent. 'opened' | 'duplicate' (asked before) | 'refused' (more than can go back).
-- p_source 'stripe': made at Stripe, so it has happened; what is no longer there is owed. p_tax_cents: NULL for the tax's share.
CREATE OR REPLACE FUNCTION refund_open(p_refund uuid, p_topup uuid, p_cents bigint, p_tax_cents bigint, p_source text, p_user bigint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE v topup; v_known refund;
BEGIN
  PERFORM ledger_lock(ARRAY(SELECT wallet_id FROM topup WHERE id = p_topup));
  SELECT * INTO STRICT v FROM topup WHERE id = p_topup FOR NO KEY UPDATE;
  SELECT * INTO v_known FROM refund WHERE id = p_refund;
  IF FOUND THEN
    IF v_known.topup_id <> p_topup OR v_known.amount_cents <> p_cents THEN
      RAISE EXCEPTION 'refund_conflict: % was asked for something else', p_refund USING ERRCODE = 'LG001';
    END IF;
    RETURN 'duplicate';
  END IF;
  IF p_source <> 'stripe' AND p_cents NOT BETWEEN 1 AND topup_refundable(p_topup) THEN
    RETURN 'refused';
  END IF;
  INSERT INTO refund (id, topup_id, source, status, amount_cents, tax_cents, by_user_id, created_at)
  VALUES (p_refund, p_topup, p_source, 'new', p_cents, coalesce(p_tax_cents, refund_tax(v, p_cents)), p_user, ledger_now());
  IF p_cents > 0 THEN
    PERFORM wallet_take(v.wallet_id, cents(p_cents), 'refund:' || p_refund, 'refund', 'refund_pending', 'Refund to your card');
  END IF;
  RETURN 'opened';
END $$;

-- What became of a refund at Stripe: 'pending', 'succeeded', 'failed'. A failed one returns to the wallet, also when it had
-- succeeded before; once failed it stays so. Answers the status before.
CREATE OR REPLACE FUNCTION refund_settle(p_refund uuid, p_stripe text, p_status text) RETURNS text LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE v refund; v_wallet bigint; v_key text := 'refund:' || p_refund;
BEGIN
  SELECT t.wallet_id INTO STRICT v_wallet FROM refund r JOIN topup t ON t.id = r.topup_id WHERE r.id = p_refund;
  PERFORM ledger_lock(ARRAY[v_wallet]);
  SELECT * INTO v FROM refund WHERE id = p_refund FOR NO KEY UPDATE;
  IF v.refund_id IS DISTINCT FROM p_stripe AND v.refund_id IS NOT NULL THEN
    RAISE EXCEPTION 'refund_conflict: % is another refund at Stripe', p_refund USING ERRCODE = 'LG001';
  END IF;
  IF v.status = 'failed' OR v.status = p_status OR (v.status = 'succeeded' AND p_status = 'pending') THEN
    RETURN v.status;
  END IF;
  UPDATE refund SET status = p_status, refund_id = p_stripe WHERE id = p_refund;
  IF p_status = 'succeeded' THEN
    PERFORM refund_legs(v, v_key || ':paid', false);
  ELSIF p_status = 'failed' THEN
    IF v.status = 'succeeded' THEN
      PERFORM refund_legs(v, v_key || ':unpaid', true);
    END IF;
    IF v.amount_cents > 0 THEN
      PERFORM wallet_give_back(v_wallet, cents(v.amount_cents), v_key || ':returned', 'refund', 'refund_pending', 'Refund failed');
    END IF;
  END IF;
  RETURN v.status;
END $$;

CREATE OR REPLACE FUNCTION refund_legs(p_refund refund, p_key text, p_back boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE v_clearing bigint := account_of('stripe_clearing'); v_pending bigint := account_of('refund_pending'); v_tax bigint := account_of('tax_payable');
BEGIN
  IF p_refund.amount_cents > 0 THEN
    PERFORM ledger_transfer(p_key, 'refund', CASE WHEN p_back THEN v_clearing ELSE v_pending END,
                            CASE WHEN p_back THEN v_pending ELSE v_clearing END, cents(p_refund.amount_cents), '');
  END IF;
  IF p_refund.tax_cents > 0 THEN
    PERFORM ledger_transfer(p_key || ':tax', 'tax', CASE WHEN p_back THEN v_clearing ELSE v_tax END,
                            CASE WHEN p_back THEN v_tax ELSE v_clearing END, cents(p_refund.tax_cents), '');
  END IF;
END $$;

-- A dispute as Stripe has it now: each delta is booked once, whichever is heard of first. Withdrawn: the money leaves the wallet,
-- what is spent is owed, and the wallet is frozen for this dispute. Reinstated: the opposite. One that is lost stays a reason to be
-- frozen until a person decides.
CREATE OR REPLACE FUNCTION dispute_book(p_dispute text, p_topup uuid, p_gross_cents bigint, p_status text, p_withdrawn boolean,
                                        p_reinstated boolean, p_closed boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE v dispute; t topup; v_key text := 'dispute:' || p_dispute; v_tax bigint;
BEGIN
  PERFORM ledger_lock(ARRAY(SELECT wallet_id FROM topup WHERE id = p_topup));
  SELECT * INTO STRICT t FROM topup WHERE id = p_topup FOR NO KEY UPDATE;
  v_tax := round(p_gross_cents::numeric * t.tax_cents / (t.amount_cents + t.tax_cents))::bigint;
  INSERT INTO dispute (id, topup_id, status, amount_cents, tax_cents) VALUES (p_dispute, p_topup, p_status, p_gross_cents - v_tax, v_tax)
  ON CONFLICT (id) DO NOTHING;
  SELECT * INTO v FROM dispute WHERE id = p_dispute;
  IF v.topup_id <> p_topup THEN
    RAISE EXCEPTION 'dispute_conflict: % is of another payment', p_dispute USING ERRCODE = 'LG001';
  END IF;
  IF p_withdrawn AND v.withdrawn_at IS NULL THEN
    PERFORM wallet_take(t.wallet_id, cents(v.amount_cents), v_key || ':withdrawn', 'dispute', 'stripe_clearing', 'Disputed payment');
    PERFORM dispute_tax(v, v_key || ':withdrawn:tax', false);
    PERFORM wallet_freeze_add(ARRAY[t.wallet_id], 'dispute', p_dispute);
    UPDATE dispute SET withdrawn_at = ledger_now() WHERE id = p_dispute RETURNING * INTO v;
  END IF;
  IF p_reinstated AND v.withdrawn_at IS NOT NULL AND v.reinstated_at IS NULL THEN
    PERFORM wallet_give_back(t.wallet_id, cents(v.amount_cents), v_key || ':reinstated', 'reinstated', 'stripe_clearing', 'Disputed payment returned');
    PERFORM dispute_tax(v, v_key || ':reinstated:tax', true);
    PERFORM wallet_freeze_drop(t.wallet_id, 'dispute', p_dispute);
    UPDATE dispute SET reinstated_at = ledger_now() WHERE id = p_dispute;
  END IF;
  UPDATE dispute SET status = p_status, closed_at = CASE WHEN p_closed THEN coalesce(closed_at, ledger_now()) ELSE closed_at END
   WHERE id = p_dispute AND closed_at IS NULL;
END $$;

CREATE OR REPLACE FUNCTION dispute_tax(p_dispute dispute, p_key text, p_back boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE v_clearing bigint := account_of('stripe_clearing'); v_loss bigint := account_of('dispute_loss');
BEGIN
  IF p_dispute.tax_cents > 0 THEN
    PERFORM ledger_transfer(p_key, 'dispute', CASE WHEN p_back THEN v_clearing ELSE v_loss END,
                            CASE WHEN p_back THEN v_loss ELSE v_clearing END, cents(p_dispute.tax_cents), '');
  END IF;
END $$;

-- A line of Stripe's own account that is neither payment, refund nor dispute: its fee, or a payout to the bank. Positive p_nanos:
-- it left the account at Stripe. Once per line.
CREATE OR REPLACE FUNCTION clearing_book(p_key text, p_kind text, p_nanos bigint) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE v_other bigint := account_of(CASE p_kind WHEN 'fee' THEN 'stripe_fees' WHEN 'payout' THEN 'bank' END); v_clearing bigint := account_of('stripe_clearing');
BEGIN
  IF p_nanos > 0 THEN
    PERFORM ledger_transfer(p_key, p_kind, v_other, v_clearing, p_nanos, '');
  ELSIF p_nanos < 0 THEN
    PERFORM ledger_transfer(p_key, p_kind, v_clearing, v_other, -p_nanos, '');
  END IF;
END $$;

REVOKE EXECUTE ON FUNCTION topup_credit, topup_refundable, refund_tax, wallet_take, wallet_give_back, refund_open, refund_settle,
  refund_legs, dispute_book, dispute_tax, clearing_book FROM PUBLIC;
