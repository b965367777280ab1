"""Say `api_key` on PostgreSQL's notice channel whenever a key, its organisation or its user changes, whoever changes it."""

from django.db import migrations

FORWARDS = """
CREATE FUNCTION api_key_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('api_key', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER api_key_notify AFTER INSERT OR DELETE OR TRUNCATE ON accounts_apikey
    FOR EACH STATEMENT EXECUTE FUNCTION api_key_notify();
-- Every column but last_used_at: a use of a key must not empty everybody's cache.
CREATE TRIGGER api_key_notify_update
    AFTER UPDATE OF organization_id, member_id, name, key_hash, prefix, last_four, created_at, expires_at, revoked_at
    ON accounts_apikey FOR EACH STATEMENT EXECUTE FUNCTION api_key_notify();
CREATE TRIGGER api_key_notify AFTER UPDATE OF is_active OR DELETE OR TRUNCATE ON accounts_organization
    FOR EACH STATEMENT EXECUTE FUNCTION api_key_notify();
CREATE TRIGGER api_key_notify AFTER UPDATE OF is_active ON accounts_user
    FOR EACH STATEMENT EXECUTE FUNCTION api_key_notify();
"""

BACKWARDS = """
DROP TRIGGER api_key_notify ON accounts_user;
DROP TRIGGER api_key_notify ON accounts_organization;
DROP TRIGGER api_key_notify_update ON accounts_apikey;
DROP TRIGGER api_key_notify ON accounts_apikey;
DROP FUNCTION api_key_notify();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
