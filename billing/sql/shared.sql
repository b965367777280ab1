-- What every event needs: locking, notices, accounts, wallets, leases, partitions.

-- Waits for its turn. Always in id order, so two batches never wait for each other. A statement of its own on purpose:
-- the same SELECT in a CTE that nothing references would never run.
CREATE OR REPLACE FUNCTION ledger_lock(p_wallet bigint[]) RETURNS void LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  PERFORM 1 FROM wallet w WHERE w.id = ANY (p_wallet) ORDER BY w.id FOR NO KEY UPDATE;
END $$;

-- Sent once per wallet and transaction (equal payloads are merged), and only where few transactions commit: NOTIFY takes a
-- database-wide lock at commit, so it has no place in hold or finish. Carries no balance: the reader asks for the current one.
CREATE OR REPLACE FUNCTION ledger_notify(p_wallet bigint) RETURNS void LANGUAGE sql AS $$
  SELECT pg_notify('wallet', json_build_object('organization_id', w.organization_id, 'wallet_id', w.id)::text)
    FROM wallet w WHERE w.id = p_wallet
$$;

CREATE OR REPLACE FUNCTION account_of(p_kind text, p_wallet bigint DEFAULT NULL) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT a.id FROM account a WHERE a.kind = p_kind AND coalesce(a.wallet_id, 0) = coalesce(p_wallet, 0)
$$;

-- The organisation's wallet, made on first use. The second statement sees a wallet that another session just committed.
CREATE OR REPLACE FUNCTION wallet_open(p_organization bigint) RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE v_wallet bigint;
BEGIN
  INSERT INTO wallet (organization_id) VALUES (p_organization) ON CONFLICT DO NOTHING RETURNING id INTO v_wallet;
  IF v_wallet IS NULL THEN
    SELECT w.id INTO STRICT v_wallet FROM wallet w WHERE w.organization_id = p_organization AND w.currency = 'USD';
  ELSE
    INSERT INTO account (kind, wallet_id) VALUES ('wallet', v_wallet), ('debt', v_wallet);
  END IF;
  RETURN v_wallet;
END $$;

CREATE OR REPLACE FUNCTION gateway_lease_open(p_name text, p_ttl interval) RETURNS bigint LANGUAGE sql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
  INSERT INTO gateway_lease (name, leased_until) VALUES (p_name, ledger_now() + p_ttl) RETURNING id
$$;

-- By the database's clock. A lease that ran out may be renewed: its process lives again, and its late finishes find their way.
CREATE OR REPLACE FUNCTION gateway_lease_renew(p_lease bigint, p_ttl interval) RETURNS boolean LANGUAGE sql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE gateway_lease SET leased_until = ledger_now() + p_ttl WHERE id = p_lease RETURNING true
$$;

-- One partition a day, made ahead. A day whose records already fell into the default partition is left alone: the books stay
-- right, check_ledger says so, and a person moves the rows. Returns how many partitions it made.
CREATE OR REPLACE FUNCTION usage_partitions_ensure(p_from date, p_to date) RETURNS int LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE v_day date := p_from; v_name text; v_made int := 0;
BEGIN
  WHILE v_day <= p_to LOOP
    v_name := 'usage_record_' || to_char(v_day, 'YYYYMMDD');
    IF to_regclass(v_name) IS NULL THEN
      BEGIN
        EXECUTE format('CREATE TABLE %I PARTITION OF usage_record FOR VALUES FROM (%L) TO (%L)', v_name, v_day, v_day + 1);
        v_made := v_made + 1;
      EXCEPTION WHEN check_violation OR duplicate_table THEN
        RAISE WARNING 'no partition of its own for %: %', v_day, SQLERRM;
      END;
    END IF;
    v_day := v_day + 1;
  END LOOP;
  RETURN v_made;
END $$;
