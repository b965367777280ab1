"""Usage records tell which candidates failed before; the earlier ledger_finish, without them, gives way."""

from django.db import migrations, models

from billing.sql import read

# A function with one argument more is another function: both would stand there. Gateways of the version before still call
# it with sixteen arguments, which fits the new one, whose last has a default.
_EARLIER = """
DROP FUNCTION IF EXISTS ledger_finish(uuid[], bigint[], text[], text[], bigint[], bigint[], bigint[], text[], bigint[],
  bigint[], bigint[], bigint[], bigint[], bigint[], int[], int[]);
"""
_CLOSED = "\nREVOKE EXECUTE ON FUNCTION ledger_finish FROM PUBLIC;"


class Migration(migrations.Migration):
    dependencies = [("billing", "0011_alert_recipients")]
    operations = [
        migrations.RunSQL(
            "SET LOCAL check_function_bodies = off;\n" + read("attempts") + _EARLIER + read("finish") + _CLOSED
        ),
        # State only: the table is not Django's.
        migrations.AddField(model_name="usagerecord", name="attempts", field=models.JSONField(null=True)),
    ]
