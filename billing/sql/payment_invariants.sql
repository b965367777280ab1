-- The books and the payments must agree: no row means that they do. Asked beside ledger_violations.

-- Sums, for the check of each minute.
CREATE OR REPLACE FUNCTION payment_violations_open()
RETURNS TABLE (rule text, subject text, difference numeric, wallet_id bigint) LANGUAGE sql STABLE AS $$
  WITH paid AS (
    SELECT coalesce(sum(cents(t.amount_cents + t.tax_cents)), 0) AS gross, coalesce(sum(cents(t.tax_cents)), 0) AS tax
      FROM topup t WHERE t.status = 'paid'
  ), refunded AS (
    SELECT coalesce(sum(cents(r.amount_cents + r.tax_cents)) FILTER (WHERE r.status = 'succeeded'), 0) AS gross,
           coalesce(sum(cents(r.tax_cents)) FILTER (WHERE r.status = 'succeeded'), 0) AS tax,
           coalesce(sum(cents(r.amount_cents)) FILTER (WHERE r.status IN ('new', 'pending')), 0) AS pending
      FROM refund r
  ), disputed AS (
    SELECT coalesce(sum(cents(d.amount_cents + d.tax_cents)), 0) AS gross
      FROM dispute d WHERE d.withdrawn_at IS NOT NULL AND d.reinstated_at IS NULL
  ), moved AS (   -- fees and payouts, from the lines of Stripe's own account
    SELECT coalesce(sum(cents(CASE WHEN m.type IN ('payout', 'stripe_fee') THEN m.fee_cents - m.amount_cents ELSE m.fee_cents END)), 0) AS nanos
      FROM stripe_match m
  ), expected AS (
    SELECT 'stripe_clearing' AS kind, refunded.gross + disputed.gross + moved.nanos - paid.gross AS nanos FROM paid, refunded, disputed, moved
    UNION ALL SELECT 'refund_pending', refunded.pending FROM refunded
    UNION ALL SELECT 'tax_payable', paid.tax - refunded.tax FROM paid, refunded
  )
  SELECT e.kind, 'all', b.balance_nanos - e.nanos, NULL::bigint
    FROM expected e JOIN account_balance_open() b ON b.kind = e.kind WHERE b.balance_nanos <> e.nanos
$$;

-- Payments one by one: top-ups = paid Stripe payments, in both directions.
CREATE OR REPLACE FUNCTION payment_violations_past()
RETURNS TABLE (rule text, subject text, difference numeric, wallet_id bigint) LANGUAGE sql STABLE AS $$
  SELECT 'topup_without_transfer', t.id::text, cents(t.amount_cents)::numeric, t.wallet_id
    FROM topup t
   WHERE t.status = 'paid'
     AND NOT EXISTS (SELECT 1 FROM transfer x WHERE x.idempotency_key = 'topup:' || t.payment_intent_id AND x.kind = 'topup'
                        AND x.amount_nanos = cents(t.amount_cents) AND x.debit_account_id = account_of('stripe_clearing')
                        AND x.credit_account_id = account_of('wallet', t.wallet_id))
  UNION ALL
  SELECT 'topup_without_payment', x.idempotency_key, x.amount_nanos, a.wallet_id
    FROM transfer x JOIN account a ON a.id = x.credit_account_id
   WHERE x.kind = 'topup' AND x.debit_account_id = account_of('stripe_clearing')
     AND NOT EXISTS (SELECT 1 FROM topup t WHERE t.status = 'paid' AND 'topup:' || t.payment_intent_id = x.idempotency_key)
  UNION ALL
  SELECT 'refunded_above_payment', t.id::text, cents(r.cents - t.amount_cents)::numeric, t.wallet_id
    FROM topup t JOIN (SELECT r.topup_id, sum(r.amount_cents)::bigint AS cents FROM refund r WHERE r.status <> 'failed' GROUP BY 1) r ON r.topup_id = t.id
   WHERE r.cents > t.amount_cents
$$;
