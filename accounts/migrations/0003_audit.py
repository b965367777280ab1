"""The audit log, which nobody changes: rows are added, and the tables refuse the rest, even to their owner."""

import django.utils.timezone
from django.db import migrations, models

FORWARDS = """
CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'The audit log is append-only: % is refused.', TG_OP USING ERRCODE = 'LG003';
END
$$;
REVOKE EXECUTE ON FUNCTION audit_append_only FROM PUBLIC;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
"""
BACKWARDS = "DROP TRIGGER audit_append_only ON accounts_auditentry; DROP FUNCTION audit_append_only();"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_api_key_notices")]

    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("organization_id", models.BigIntegerField()),
                ("user_id", models.BigIntegerField(null=True)),
                ("actor", models.CharField(blank=True, max_length=254)),
                ("action", models.CharField(max_length=64)),
                ("target", models.CharField(blank=True, max_length=254)),
                ("details", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "verbose_name_plural": "audit entries",
                "indexes": [models.Index(fields=["organization_id", "-id"], name="audit_of_organization")],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("action", ""), _negated=True), name="audit_action_given")
                ],
            },
        ),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
