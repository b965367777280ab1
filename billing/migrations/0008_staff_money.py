"""Staff may be allowed to refund payments and to give goodwill credit."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("billing", "0007_freeze_reasons")]
    operations = [
        migrations.AlterModelOptions(
            name="topup",
            options={
                "permissions": [("refund_topup", "Can refund payments"), ("give_goodwill", "Can give goodwill credit")]
            },
        ),
    ]
