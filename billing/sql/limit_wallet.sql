-- The limits of one organisation, for its pages, its filters and its programs: without it each reads everybody's. The wallet of a
-- limit never changes, so that counting up what is spent stays an update in place.
CREATE INDEX IF NOT EXISTS spending_limit_wallet ON spending_limit (wallet_id);
