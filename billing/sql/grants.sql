-- PostgreSQL lets everyone execute a new function; here nobody may but the owner. The public doors (SECURITY DEFINER) are given
-- to the application role by `manage.py database_grant`; clock functions stay open, because views call them as their reader.
REVOKE EXECUTE ON FUNCTION ledger_lock, ledger_notify, wallet_open, gateway_lease_open,
  gateway_lease_renew, usage_partitions_ensure, ledger_transfer, ledger_repay, ledger_credit_from, ledger_credit, limit_spent,
  ledger_limit_set, ledger_reserve, ledger_hold, ledger_finish, settle_transfers, settle_roll_up, ledger_settle, append_only
FROM PUBLIC;
