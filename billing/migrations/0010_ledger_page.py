"""Whoever looks for top-ups or refunds alone does not read every settlement on the way."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("billing", "0009_budgets")]
    operations = [
        migrations.RunSQL(
            "CREATE INDEX transfer_debit_rare ON transfer (debit_account_id, id) WHERE kind <> 'usage'",
            "DROP INDEX transfer_debit_rare",
        )
    ]
