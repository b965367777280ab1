-- Why a wallet is frozen. Each reason is a row of its own: the wallet thaws with the last of them, so a dispute that is won does
-- not open a wallet that staff or the check of the books closed too. wallet.status is what hold and progress read.

CREATE TABLE IF NOT EXISTS wallet_freeze (
  wallet_id  bigint NOT NULL REFERENCES wallet,
  reason     text   NOT NULL CONSTRAINT wallet_freeze_reason CHECK (reason IN ('staff', 'books', 'dispute')),
  subject    text   NOT NULL DEFAULT '',         -- which dispute, which rule of the books
  created_at timestamptz NOT NULL,
  PRIMARY KEY (wallet_id, reason, subject)
);

-- Freezes for this reason; how many wallets were not frozen for it before. A closed wallet stays closed.
CREATE OR REPLACE FUNCTION wallet_freeze_add(p_wallet bigint[], p_reason text, p_subject text) RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE v_added bigint;
BEGIN
  PERFORM ledger_lock(p_wallet);
  INSERT INTO wallet_freeze (wallet_id, reason, subject, created_at)
  SELECT w.id, p_reason, p_subject, ledger_now() FROM wallet w WHERE w.id = ANY (p_wallet) AND w.status <> 'closed'
  ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS v_added = ROW_COUNT;
  UPDATE wallet SET status = 'frozen' WHERE id = ANY (p_wallet) AND status = 'active';
  PERFORM ledger_notify(id) FROM unnest(p_wallet) AS id;
  RETURN v_added;
END $$;

-- One reason is gone. The caller has locked the wallet. Nothing where a person opened the wallet in the meantime.
CREATE OR REPLACE FUNCTION wallet_freeze_drop(p_wallet bigint, p_reason text, p_subject text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM wallet_freeze f WHERE f.wallet_id = p_wallet AND f.reason = p_reason AND f.subject = p_subject;
  IF FOUND AND NOT EXISTS (SELECT 1 FROM wallet_freeze f WHERE f.wallet_id = p_wallet) THEN
    UPDATE wallet SET status = 'active' WHERE id = p_wallet AND status = 'frozen';
    PERFORM ledger_notify(p_wallet);
  END IF;
END $$;

-- What a person decides: freeze, open again (every reason is forgotten), close. Wallets are locked in order of their ids: a plain
-- UPDATE over several can deadlock with a batch of requests. A frozen wallet takes no new holds; live requests finish and are
-- charged. How many that changed.
CREATE OR REPLACE FUNCTION wallet_status_set(p_wallet bigint[], p_status text) RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE v_changed bigint;
BEGIN
  IF p_status = 'frozen' THEN RETURN wallet_freeze_add(p_wallet, 'staff', ''); END IF;
  PERFORM ledger_lock(p_wallet);
  IF p_status = 'active' THEN DELETE FROM wallet_freeze f WHERE f.wallet_id = ANY (p_wallet); END IF;
  UPDATE wallet SET status = p_status WHERE id = ANY (p_wallet) AND status <> p_status;
  GET DIAGNOSTICS v_changed = ROW_COUNT;
  PERFORM ledger_notify(id) FROM unnest(p_wallet) AS id;
  RETURN v_changed;
END $$;

REVOKE EXECUTE ON FUNCTION wallet_freeze_add, wallet_freeze_drop, wallet_status_set FROM PUBLIC;
