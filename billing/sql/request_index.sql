-- A customer's requests by what they are. Only columns of an index are compared without fetching the row: with these behind the
-- id, a filter that few requests pass reads the index alone, newest first, and fetches what it shows. One index for every mixture of
-- filters, in place of one for each: each more is written twice for every request, at its finish and when it is settled.
CREATE INDEX IF NOT EXISTS usage_record_requests
  ON usage_record (wallet_id, id, api_key_id, model_id, outcome, client_protocol);
DROP INDEX IF EXISTS usage_record_wallet;
