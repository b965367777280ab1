"""Notes of forms that were sent are kept by this app; the table stays where it is."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_api_key_rules")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="FormNote",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("fingerprint", models.BinaryField(max_length=32, unique=True)),
                        ("name", models.CharField(max_length=254)),
                        ("page", models.CharField(blank=True, max_length=200)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                    ],
                    options={
                        "db_table": "tokenoutput_formnote",
                        "indexes": [models.Index(fields=["created_at"], name="form_note_age")],
                    },
                )
            ]
        )
    ]
