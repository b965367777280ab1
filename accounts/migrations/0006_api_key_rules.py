"""What an API key may do, its public name, and the secret before a rotation."""

import accounts.api_key_models
import accounts.columns
import django.db.models.lookups
from django.db import migrations, models


# gen_random_uuid draws from the server's strong source, as the secrets do.
NAMES = """
UPDATE accounts_apikey
   SET public_hash = encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex');
"""
OLD = "organization_id, member_id, name, key_hash, prefix, last_four, created_at, expires_at, revoked_at"
NEW = f"{OLD}, public_hash, previous_key_hash, previous_valid_until, allowed_models, allowed_ips, requests_per_minute, disabled_at"
NOTICES = """
DROP TRIGGER api_key_notify_update ON accounts_apikey;
CREATE TRIGGER api_key_notify_update AFTER UPDATE OF {columns}
    ON accounts_apikey FOR EACH STATEMENT EXECUTE FUNCTION api_key_notify();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_management_keys'),
    ]

    operations = [
        migrations.AddField(
            model_name='apikey',
            name='allowed_ips',
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name='apikey',
            name='allowed_models',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='apikey',
            name='disabled_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='apikey',
            name='previous_key_hash',
            field=models.BinaryField(max_length=32, null=True, unique=True),
        ),
        migrations.AddField(
            model_name='apikey',
            name='previous_valid_until',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='apikey',
            name='public_hash',
            field=models.CharField(default=None, editable=False, max_length=64, null=True),
        ),
        migrations.RunSQL(NAMES, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name='apikey',
            name='public_hash',
            field=models.CharField(default=accounts.api_key_models.public_hash_make, editable=False, max_length=64, unique=True),
        ),
        migrations.AddField(
            model_name='apikey',
            name='requests_per_minute',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name='apikey',
            index=models.Index(fields=['organization', '-id'], name='api_key_of_organization'),
        ),
        migrations.AddConstraint(
            model_name='apikey',
            constraint=models.CheckConstraint(condition=models.Q(('public_hash__regex', '^[0-9a-f]{64}$')), name='api_key_public_hash_form'),
        ),
        migrations.AddConstraint(
            model_name='apikey',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('previous_key_hash', None), ('previous_valid_until', None)), models.Q(django.db.models.lookups.Exact(accounts.columns.OctetLength('previous_key_hash'), 32), ('previous_key_hash__isnull', False), ('previous_valid_until__isnull', False)), _connector='OR'), name='api_key_previous_whole'),
        ),
        migrations.AddConstraint(
            model_name='apikey',
            constraint=models.CheckConstraint(condition=models.Q(('allowed_models__isnull', True), models.Q(django.db.models.lookups.Exact(accounts.columns.JsonKind('allowed_models'), 'array'), models.Q(('allowed_models', []), _negated=True)), _connector='OR'), name='api_key_models_listed'),
        ),
        migrations.AddConstraint(
            model_name='apikey',
            constraint=models.CheckConstraint(condition=django.db.models.lookups.Exact(accounts.columns.JsonKind('allowed_ips'), 'array'), name='api_key_ips_listed'),
        ),
        migrations.AddConstraint(
            model_name='apikey',
            constraint=models.CheckConstraint(condition=models.Q(('requests_per_minute', None), ('requests_per_minute__gt', 0), _connector='OR'), name='api_key_pace_positive'),
        ),
        # Every column but last_used_at: a use of a key must not empty everybody's cache.
        migrations.RunSQL(NOTICES.format(columns=NEW), NOTICES.format(columns=OLD)),
    ]
