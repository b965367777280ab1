"""A whole organisation may have spending limits too: its budgets."""

from django.db import migrations

from billing.sql import read

_FILES = ("budget", "limit", "reserve", "hold", "progress", "finish", "invariants")


class Migration(migrations.Migration):
    dependencies = [("billing", "0008_staff_money")]
    operations = [migrations.RunSQL("SET LOCAL check_function_bodies = off;\n" + read(*_FILES))]
