"""Filters of a customer's requests are answered from an index."""

from django.db import migrations

from billing.sql import read


class Migration(migrations.Migration):
    dependencies = [("billing", "0012_attempts")]
    operations = [migrations.RunSQL(read("request_index"))]
