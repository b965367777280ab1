"""Prices are append-only, capabilities are a list, and every change of the catalog is told to who listens."""

from django.db import migrations

PRICE_IS_FINAL = """
CREATE FUNCTION catalog_price_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a price version is never changed or removed: add a new one'
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER catalog_price_is_final BEFORE UPDATE OR DELETE ON catalog_price
    FOR EACH ROW EXECUTE FUNCTION catalog_price_is_final();
CREATE TRIGGER catalog_price_is_not_truncated BEFORE TRUNCATE ON catalog_price
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_price_is_final();
"""

# A CHECK built with contained_by alone would let a bare string pass: jsonb lets an array contain a scalar.
CAPABILITIES_ARE_A_LIST = """
ALTER TABLE catalog_model ADD CONSTRAINT model_capabilities_list CHECK (jsonb_typeof(capabilities) = 'array');
"""

NOTICE = """
CREATE FUNCTION catalog_notice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('catalog', '');
    RETURN NULL;
END $$;
"""
NOTICE_TRIGGER = """
CREATE TRIGGER catalog_notice AFTER INSERT OR UPDATE OR DELETE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_notice();
"""
TABLES = ["catalog_provider", "catalog_model", "catalog_price", "catalog_route"]


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]

    operations = [
        migrations.RunSQL(
            PRICE_IS_FINAL,
            """
            DROP TRIGGER catalog_price_is_not_truncated ON catalog_price;
            DROP TRIGGER catalog_price_is_final ON catalog_price;
            DROP FUNCTION catalog_price_is_final();
            """,
        ),
        migrations.RunSQL(
            CAPABILITIES_ARE_A_LIST, "ALTER TABLE catalog_model DROP CONSTRAINT model_capabilities_list;"
        ),
        migrations.RunSQL(
            NOTICE + "".join(NOTICE_TRIGGER.format(table=table) for table in TABLES),
            "".join(f"DROP TRIGGER catalog_notice ON {table};" for table in TABLES) + "DROP FUNCTION catalog_notice();",
        ),
    ]
