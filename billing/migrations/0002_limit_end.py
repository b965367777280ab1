"""Spending limits can be taken away, and say when their window ends."""

from django.db import migrations

from billing.sql import read


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]
    operations = [migrations.RunSQL("SET LOCAL check_function_bodies = off;\n" + read("limit_end"))]
