"""Each reason for which a wallet is frozen is a row of its own; a refund counts its attempts and says why."""

import django.db.models.deletion
from django.db import migrations, models

from billing.sql import read

# Who froze a wallet was told by its disputes only: what none of them froze, a person did.
_REASONS_OF_FROZEN_WALLETS = """
INSERT INTO wallet_freeze (wallet_id, reason, subject, created_at)
SELECT t.wallet_id, 'dispute', d.id, d.withdrawn_at
  FROM dispute d JOIN topup t ON t.id = d.topup_id JOIN wallet w ON w.id = t.wallet_id
 WHERE w.status = 'frozen' AND d.withdrawn_at IS NOT NULL AND d.reinstated_at IS NULL;
INSERT INTO wallet_freeze (wallet_id, reason, subject, created_at)
SELECT w.id, 'staff', '', now() FROM wallet w
 WHERE w.status = 'frozen'
   AND NOT EXISTS (SELECT 1 FROM dispute d JOIN topup t ON t.id = d.topup_id WHERE t.wallet_id = w.id AND d.froze)
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0006_payments")]
    operations = [
        migrations.CreateModel(
            name="WalletFreeze",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "wallet_id", "reason", "subject", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("reason", models.TextField(choices=[("staff", "staff"), ("books", "books"), ("dispute", "dispute")])),
                ("subject", models.TextField()),
                ("created_at", models.DateTimeField()),
                (
                    "wallet",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.DO_NOTHING, related_name="+", to="billing.wallet"
                    ),
                ),
            ],
            options={"db_table": "wallet_freeze", "managed": False},
        ),
        migrations.RunSQL("SET LOCAL check_function_bodies = off;\n" + read("freeze")),
        migrations.RunSQL(_REASONS_OF_FROZEN_WALLETS),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE"),
        migrations.RemoveField(model_name="dispute", name="froze"),
        migrations.RunSQL("DROP FUNCTION IF EXISTS dispute_thaw(bigint)"),
        migrations.RunSQL("SET LOCAL check_function_bodies = off;\n" + read("payments")),
        migrations.AddField(
            model_name="refund", name="attempt", field=models.SmallIntegerField(db_default=0, default=0)
        ),
        migrations.AddField(
            model_name="refund",
            name="reason",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AlterField(
            model_name="refund",
            name="source",
            field=models.CharField(
                choices=[("customer", "customer"), ("staff", "staff"), ("stripe", "stripe")], max_length=16
            ),
        ),
        migrations.RemoveConstraint(model_name="refund", name="refund_source"),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(("source__in", ("customer", "staff", "stripe"))), name="refund_source"
            ),
        ),
    ]
