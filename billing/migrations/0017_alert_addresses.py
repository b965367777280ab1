"""Further addresses of alerts are confirmed by whoever reads them; those that get alerts already count as confirmed."""

import django.db.models.deletion
from django.db import migrations, models
from django.utils import timezone


def addresses_make(apps, schema_editor):
    AlertAddress = apps.get_model("billing", "AlertAddress")
    now = timezone.now()
    for row in apps.get_model("billing", "AlertSettings").objects.exclude(recipients=[]):
        AlertAddress.objects.bulk_create(
            [
                AlertAddress(
                    organization_id=row.organization_id, email=email, sent_at=now, expires_at=now, confirmed_at=now
                )
                for email in row.recipients
            ],
            ignore_conflicts=True,
        )


class Migration(migrations.Migration):
    dependencies = [("billing", "0016_limit_wallet")]
    operations = [
        migrations.CreateModel(
            name="AlertAddress",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("email", models.CharField(max_length=254)),
                ("token_hash", models.BinaryField(max_length=32, null=True, unique=True)),
                ("sent_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.organization"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "alert addresses",
                "constraints": [
                    models.UniqueConstraint(fields=("organization", "email"), name="alert_address_once")
                ],
            },
        ),
        migrations.RunPython(addresses_make, migrations.RunPython.noop),
    ]
