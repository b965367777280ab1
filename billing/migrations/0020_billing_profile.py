"""Whom receipts are made out to; what was paid before is not mailed to anybody now."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_api_key_rules'),
        ('billing', '0019_alert_unsubscribe'),
    ]

    operations = [
        migrations.CreateModel(
            name='BillingProfile',
            fields=[
                ('organization', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='accounts.organization')),
                ('name', models.CharField(blank=True, max_length=100)),
                ('line1', models.CharField(blank=True, max_length=100)),
                ('line2', models.CharField(blank=True, max_length=100)),
                ('city', models.CharField(blank=True, max_length=80)),
                ('region', models.CharField(blank=True, max_length=80)),
                ('postal_code', models.CharField(blank=True, max_length=20)),
                ('country', models.CharField(blank=True, max_length=2)),
                ('tax_id', models.CharField(blank=True, max_length=40)),
                ('recipients', models.JSONField(blank=True, default=list)),
                ('changed_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'db_table': 'billing_profile',
            },
        ),
        migrations.AddField(
            model_name='topup',
            name='billed_to',
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name='topup',
            name='receipts_mailed_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name='topup',
            index=models.Index(condition=models.Q(('receipts_mailed_at', None), ('status', 'paid')), fields=['paid_at'], name='topup_unmailed'),
        ),
        migrations.RunSQL(
            "UPDATE topup SET receipts_mailed_at = paid_at WHERE status = 'paid'", migrations.RunSQL.noop
        ),
    ]
