"""Holds are renewed while their requests live, and reaped when their gateways are gone."""

from django.db import migrations

from billing.sql import read


class Migration(migrations.Migration):
    dependencies = [("billing", "0004_reconciliation")]
    operations = [migrations.RunSQL("SET LOCAL check_function_bodies = off;\n" + read("progress", "reap"))]
