-- How spending limits end: a window runs out by itself, a limit is taken away by someone.

-- When the window that contains this moment is over; NULL: never. UTC.
CREATE OR REPLACE FUNCTION limit_resets(period text, at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN period <> 'total' THEN
    (limit_window(period, at) AT TIME ZONE 'UTC'
      + CASE period WHEN 'daily' THEN interval '1 day' WHEN 'weekly' THEN interval '7 days' ELSE interval '1 month' END)
    AT TIME ZONE 'UTC' END
$$;

-- Takes a limit away. Under the wallet's lock, as every change of a limit: no hold or finish is halfway through it. Live requests
-- go on, and what they held here is simply forgotten: a limit that is made later starts with the holds that are open then.
CREATE OR REPLACE FUNCTION ledger_limit_remove(p_wallet bigint, p_limit bigint) RETURNS boolean LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM ledger_lock(ARRAY[p_wallet]);
  DELETE FROM spending_limit WHERE id = p_limit AND wallet_id = p_wallet;
  RETURN FOUND;
END $$;

REVOKE EXECUTE ON FUNCTION ledger_limit_remove FROM PUBLIC;
