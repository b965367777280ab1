-- What was tried in vain before a request was answered, kept with its record.

-- NULL: nothing failed; the one attempt follows from the record itself. Else an array, see billing/attempts.py.
ALTER TABLE usage_record ADD COLUMN IF NOT EXISTS attempts jsonb;
