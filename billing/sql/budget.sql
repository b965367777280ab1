-- Budgets: a spending limit of a whole organisation has neither API key nor member. Its subject is the wallet itself.

-- budget_wallet_id is the wallet where that is so, else NULL: one column to be unique by and to look up by, as api_key_id and
-- member_id are for the other limits. Few wallets have a budget, so its index is small, and empty costs one look at it.
ALTER TABLE spending_limit
  DROP CONSTRAINT IF EXISTS limit_one_subject,
  DROP CONSTRAINT IF EXISTS limit_once,
  ADD COLUMN IF NOT EXISTS budget_wallet_id bigint
    GENERATED ALWAYS AS (CASE WHEN num_nonnulls(api_key_id, member_id) = 0 THEN wallet_id END) STORED;
ALTER TABLE spending_limit
  ADD CONSTRAINT limit_one_subject CHECK (num_nonnulls(api_key_id, member_id) <= 1),
  ADD CONSTRAINT limit_once UNIQUE NULLS NOT DISTINCT (api_key_id, member_id, budget_wallet_id, period);
CREATE INDEX IF NOT EXISTS spending_limit_budget ON spending_limit (budget_wallet_id) WHERE budget_wallet_id IS NOT NULL;
