"""The limits of one organisation are found by its wallet."""

from django.db import migrations

from billing.sql import read


class Migration(migrations.Migration):
    dependencies = [("billing", "0015_webhooks")]
    operations = [migrations.RunSQL(read("limit_wallet"))]
