-- Old usage records: the days of a month become one partition, and a month can be taken out whole. Nothing settled is edited.

-- The days of this month become one partition, in one transaction; returns the number of its records, 0 where there was nothing
-- to do. Copied without holding anybody up; then, for the moment of the exchange, the table is locked and counted: a record that
-- came meanwhile makes it start again another time.
CREATE OR REPLACE FUNCTION usage_month_merge(p_month date) RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  v_first date := date_trunc('month', p_month)::date;
  v_next  date := (date_trunc('month', p_month) + interval '1 month')::date;
  v_name  text := 'usage_record_' || to_char(v_first, 'YYYYMM');
  v_days  text[]; v_day text; v_copied bigint; v_now bigint;
BEGIN
  v_days := ARRAY(SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                   WHERE i.inhparent = 'usage_record'::regclass AND c.relname ~ (v_name || '[0-9]{2}$') ORDER BY 1);
  IF cardinality(v_days) = 0 THEN RETURN 0; END IF;
  PERFORM usage_month_over(v_first, v_next);
  EXECUTE format('CREATE TABLE %I (LIKE usage_record INCLUDING ALL, CHECK (day >= %L AND day < %L))', v_name, v_first, v_next);
  EXECUTE format('INSERT INTO %I SELECT * FROM usage_record WHERE day >= %L AND day < %L ORDER BY day, id', v_name, v_first, v_next);
  GET DIAGNOSTICS v_copied = ROW_COUNT;
  LOCK TABLE usage_record IN ACCESS EXCLUSIVE MODE;
  SELECT count(*) INTO v_now FROM usage_record u WHERE u.day >= v_first AND u.day < v_next;
  IF v_now <> v_copied THEN
    RAISE EXCEPTION 'month_moved: % changed while it was copied', v_first USING ERRCODE = 'LG006';
  END IF;
  FOREACH v_day IN ARRAY v_days LOOP
    EXECUTE format('ALTER TABLE usage_record DETACH PARTITION %I', v_day);
  END LOOP;
  EXECUTE format('ALTER TABLE usage_record ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', v_name, v_first, v_next);
  FOREACH v_day IN ARRAY v_days LOOP
    EXECUTE format('DROP TABLE %I', v_day);
  END LOOP;
  RETURN v_copied;
END $$;

-- Takes a merged month out of the ledger: its table stays, for the operator to keep elsewhere and drop. Returns its records.
CREATE OR REPLACE FUNCTION usage_month_detach(p_month date) RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  v_first date := date_trunc('month', p_month)::date;
  v_next  date := (date_trunc('month', p_month) + interval '1 month')::date;
  v_name  text := 'usage_record_' || to_char(v_first, 'YYYYMM');
  v_records bigint; v_settlement bigint;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhparent = 'usage_record'::regclass AND i.inhrelid = to_regclass(v_name)) THEN
    RETURN 0;
  END IF;
  PERFORM usage_month_over(v_first, v_next);
  EXECUTE format('SELECT count(*), coalesce(max(settlement_id), 0) FROM %I', v_name) INTO v_records, v_settlement;
  EXECUTE format('ALTER TABLE usage_record DETACH PARTITION %I', v_name);
  INSERT INTO usage_detached (month, records, settlement_id, detached_at) VALUES (v_first, v_records, v_settlement, ledger_now());
  RETURN v_records;
END $$;

-- Only a month that nothing can be added to any more: long over, all of it settled, nothing of it held.
CREATE OR REPLACE FUNCTION usage_month_over(p_first date, p_next date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF p_next > (ledger_now() AT TIME ZONE 'UTC')::date - 35
     OR EXISTS (SELECT 1 FROM usage_record u WHERE u.day >= p_first AND u.day < p_next AND u.settlement_id IS NULL)
     OR EXISTS (SELECT 1 FROM hold h WHERE uuid7_day(h.request_id) >= p_first AND uuid7_day(h.request_id) < p_next) THEN
    RAISE EXCEPTION 'month_open: % is not over, settled and free of holds', p_first USING ERRCODE = 'LG007';
  END IF;
END $$;

REVOKE EXECUTE ON FUNCTION usage_month_merge, usage_month_detach, usage_month_over FROM PUBLIC;
