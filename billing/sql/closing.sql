-- Tables of closed books. Loaded once by a migration: later changes to a table are migrations of their own.

-- A day that was closed: the sums below hold every transfer up to transfer_id, and none after it.
CREATE TABLE ledger_close (
  day         date        PRIMARY KEY,
  transfer_id bigint      NOT NULL,
  closed_at   timestamptz NOT NULL
);

-- Balances at the end of a day, of the accounts that moved on it: an account's newest row is its balance since then.
CREATE TABLE account_close (
  account_id    bigint NOT NULL REFERENCES account,
  day           date   NOT NULL REFERENCES ledger_close,
  balance_nanos bigint NOT NULL,
  granted_nanos bigint NOT NULL,
  PRIMARY KEY (account_id, day)
);
CREATE TRIGGER ledger_close_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_close
  FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER account_close_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON account_close
  FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- Months whose usage records stand in a table of their own, beside the ledger: what the checks can no longer open line by line.
CREATE TABLE usage_detached (
  month         date        PRIMARY KEY,
  records       bigint      NOT NULL,
  settlement_id bigint      NOT NULL,   -- the newest settlement of these records
  detached_at   timestamptz NOT NULL
);

-- A settlement's records lie together, as it wrote them: a few bytes for many pages are enough to find those of the last minutes.
CREATE INDEX usage_record_settlement ON usage_record USING brin (settlement_id) WITH (pages_per_range = 16, autosummarize = on);
