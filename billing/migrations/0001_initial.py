"""The ledger: its tables and functions are SQL, so that the database itself keeps the books right."""

import django.db.models.deletion
from django.db import migrations, models

from billing.sql import read

# Function bodies may name what a later migration adds, when the files have grown: they are checked when they run.
LATER_NAMES = "SET LOCAL check_function_bodies = off;\n"
TODAY = "(now() AT TIME ZONE 'UTC')::date"


class Migration(migrations.Migration):
    initial = True
    dependencies = [("accounts", "0001_initial")]
    operations = [
        migrations.RunSQL(LATER_NAMES + read("clock", "tables")),
        migrations.RunSQL(LATER_NAMES + read("shared", "transfer", "limit", "reserve", "hold", "finish", "settle")),
        migrations.RunSQL(read("invariants", "grants")),
        migrations.RunSQL(f"SELECT usage_partitions_ensure({TODAY} - 1, {TODAY} + 14)"),
        # State only: the tables above as Django reads them.
        migrations.CreateModel(
            name='Account',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.TextField()),
            ],
            options={
                'db_table': 'account',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='GatewayLease',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.TextField()),
                ('leased_until', models.DateTimeField()),
            ],
            options={
                'db_table': 'gateway_lease',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='Hold',
            fields=[
                ('request_id', models.UUIDField(primary_key=True, serialize=False)),
                ('api_key_id', models.BigIntegerField()),
                ('member_id', models.BigIntegerField(null=True)),
                ('model_id', models.BigIntegerField()),
                ('price_version_id', models.BigIntegerField()),
                ('lease_id', models.BigIntegerField()),
                ('amount_nanos', models.BigIntegerField()),
                ('progress_nanos', models.BigIntegerField()),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('client_protocol', models.TextField()),
                ('evidence', models.JSONField()),
            ],
            options={
                'db_table': 'hold',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='Settlement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField()),
                ('records', models.IntegerField()),
            ],
            options={
                'db_table': 'settlement',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='SpendingLimit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('api_key_id', models.BigIntegerField(null=True)),
                ('member_id', models.BigIntegerField(null=True)),
                ('period', models.TextField(choices=[('daily', 'daily'), ('weekly', 'weekly'), ('monthly', 'monthly'), ('total', 'total')])),
                ('amount_nanos', models.BigIntegerField()),
                ('window_start', models.DateTimeField()),
                ('spent_nanos', models.BigIntegerField()),
                ('held_nanos', models.BigIntegerField()),
            ],
            options={
                'db_table': 'spending_limit',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='Transfer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('idempotency_key', models.TextField()),
                ('kind', models.TextField(choices=[('topup', 'topup'), ('promo', 'promo'), ('goodwill', 'goodwill'), ('usage', 'usage'), ('cost', 'cost'), ('refund', 'refund'), ('dispute', 'dispute'), ('reinstated', 'reinstated'), ('debt', 'debt'), ('repayment', 'repayment'), ('expiry', 'expiry'), ('fee', 'fee'), ('tax', 'tax'), ('payout', 'payout'), ('correction', 'correction')])),
                ('amount_nanos', models.BigIntegerField()),
                ('granted_nanos', models.BigIntegerField()),
                ('reason', models.TextField()),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'db_table': 'transfer',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='UsageHourly',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('hour', models.DateTimeField()),
                ('api_key_id', models.BigIntegerField()),
                ('member_id', models.BigIntegerField()),
                ('model_id', models.BigIntegerField()),
                ('route_id', models.BigIntegerField()),
                ('client_protocol', models.TextField()),
                ('requests', models.BigIntegerField()),
                ('input_tokens', models.BigIntegerField()),
                ('cache_read_tokens', models.BigIntegerField()),
                ('cache_write_5m_tokens', models.BigIntegerField()),
                ('cache_write_1h_tokens', models.BigIntegerField()),
                ('output_tokens', models.BigIntegerField()),
                ('reasoning_tokens', models.BigIntegerField()),
                ('charge_nanos', models.BigIntegerField()),
                ('write_off_nanos', models.BigIntegerField()),
                ('cost_nanos', models.BigIntegerField()),
            ],
            options={
                'verbose_name_plural': 'usage by hour',
                'db_table': 'usage_hourly',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='UsageRecord',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('day', models.DateField()),
                ('corrects_id', models.UUIDField(null=True)),
                ('api_key_id', models.BigIntegerField()),
                ('member_id', models.BigIntegerField(null=True)),
                ('model_id', models.BigIntegerField()),
                ('route_id', models.BigIntegerField(null=True)),
                ('price_version_id', models.BigIntegerField()),
                ('input_tokens', models.BigIntegerField()),
                ('cache_read_tokens', models.BigIntegerField()),
                ('cache_write_5m_tokens', models.BigIntegerField()),
                ('cache_write_1h_tokens', models.BigIntegerField()),
                ('output_tokens', models.BigIntegerField()),
                ('reasoning_tokens', models.BigIntegerField()),
                ('held_nanos', models.BigIntegerField()),
                ('charge_nanos', models.BigIntegerField()),
                ('write_off_nanos', models.BigIntegerField()),
                ('cost_nanos', models.BigIntegerField()),
                ('started_at', models.DateTimeField()),
                ('created_at', models.DateTimeField()),
                ('first_content_ms', models.IntegerField(null=True)),
                ('duration_ms', models.IntegerField(null=True)),
                ('client_protocol', models.TextField()),
                ('upstream_protocol', models.TextField(null=True)),
                ('outcome', models.TextField(choices=[('completed', 'completed'), ('client_gone', 'client gone'), ('upstream_error', 'upstream error'), ('void', 'void'), ('reaped', 'reaped')])),
                ('source', models.TextField(choices=[('upstream', 'upstream'), ('counted', 'counted'), ('estimated', 'estimated'), ('checkpoint', 'checkpoint'), ('none', 'none')])),
            ],
            options={
                'db_table': 'usage_record',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='Wallet',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('currency', models.CharField(max_length=3)),
                ('status', models.TextField(choices=[('active', 'active'), ('frozen', 'frozen'), ('closed', 'closed')])),
                ('posted_nanos', models.BigIntegerField()),
                ('held_nanos', models.BigIntegerField()),
                ('debt_nanos', models.BigIntegerField()),
                ('granted_nanos', models.BigIntegerField()),
                ('granted_until', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'wallet',
                'permissions': [('freeze_wallet', 'Can freeze and unfreeze wallets')],
                'managed': False,
            },
        ),
    ]
