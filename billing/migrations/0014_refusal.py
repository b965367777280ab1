"""The first refusal for lack of balance is kept; between a low balance and a used up one there is a short one."""

import django.db.models.deletion
from django.db import migrations, models

_USED_UP = """
    UPDATE billing_alert SET level = 3 WHERE kind = 'low_balance' AND level = 2;
    UPDATE billing_alertwatch SET level = 3 WHERE kind = 'low_balance' AND level = 2;
"""
_BEFORE = """
    UPDATE billing_alert SET level = 2 WHERE kind = 'low_balance' AND level > 2;
    UPDATE billing_alertwatch SET level = 2 WHERE kind = 'low_balance' AND level > 2;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial"), ("billing", "0013_request_index")]
    operations = [
        migrations.CreateModel(
            name="Refusal",
            fields=[
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="accounts.organization",
                    ),
                ),
                ("refused_at", models.DateTimeField()),
                ("required_nanos", models.BigIntegerField()),
                ("available_nanos", models.BigIntegerField()),
                ("balance_nanos", models.BigIntegerField()),
            ],
        ),
        migrations.RunSQL(_USED_UP, _BEFORE),
    ]
