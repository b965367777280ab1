"""Notes of forms that were sent are another app's now; the table stays where it is."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tokenoutput", "0003_connect"), ("accounts", "0007_form_note")]
    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel(name="FormNote")])
    ]
