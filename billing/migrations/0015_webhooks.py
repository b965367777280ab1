"""Several webhooks where there was one. Its columns stay for the processes that still run the version before."""

import secrets

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import billing.webhook_models
import catalog.encryption

KINDS = ["low_balance", "key_limit", "topup_failed", "unusual_spend"]
_KEEP_COLUMNS = """
    ALTER TABLE billing_alertsettings ALTER COLUMN webhook_url SET DEFAULT '';
    ALTER TABLE billing_alertsettings ALTER COLUMN webhook_secret SET DEFAULT '';
"""
_REQUIRE_COLUMNS = """
    ALTER TABLE billing_alertsettings ALTER COLUMN webhook_url DROP DEFAULT;
    ALTER TABLE billing_alertsettings ALTER COLUMN webhook_secret DROP DEFAULT;
"""


def webhooks_make(apps, schema_editor):
    Webhook = apps.get_model("billing", "Webhook")
    AlertDelivery = apps.get_model("billing", "AlertDelivery")
    for row in apps.get_model("billing", "AlertSettings").objects.exclude(webhook_url=""):
        webhook = Webhook.objects.create(
            organization_id=row.organization_id,
            public_id=billing.webhook_models.webhook_id_make(),
            url=row.webhook_url,
            secret=row.webhook_secret or f"whsec_{secrets.token_hex(32)}",
            kinds=KINDS,
        )
        sent = AlertDelivery.objects.filter(alert__organization_id=row.organization_id, channel="webhook")
        sent.filter(target=row.webhook_url).update(webhook=webhook)


def webhooks_fold(apps, schema_editor):
    settings_rows = apps.get_model("billing", "AlertSettings").objects
    for webhook in apps.get_model("billing", "Webhook").objects.filter(disabled_at=None).order_by("-id"):
        fields = {"webhook_url": webhook.url, "webhook_secret": webhook.secret}
        settings_rows.update_or_create(organization_id=webhook.organization_id, defaults=fields)


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("billing", "0014_refusal"),
    ]
    operations = [
        migrations.CreateModel(
            name="Webhook",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(default=billing.webhook_models.webhook_id_make, max_length=40, unique=True),
                ),
                ("url", models.CharField(max_length=500)),
                ("secret", catalog.encryption.SecretField()),
                ("kinds", models.JSONField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("disabled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.organization"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("organization", "url"), name="webhook_address_once"),
                    models.CheckConstraint(condition=~models.Q(kinds=[]), name="webhook_kinds_given"),
                    models.CheckConstraint(condition=~models.Q(secret=""), name="webhook_secret_given"),
                ]
            },
        ),
        migrations.AddField(
            model_name="alertdelivery",
            name="webhook",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="billing.webhook",
            ),
        ),
        migrations.RunPython(webhooks_make, webhooks_fold),
        # PostgreSQL changes no table whose rows were just written while their checks wait for the commit.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="alertdelivery",
            index=models.Index(fields=["webhook", "-id"], name="alert_delivery_of_webhook"),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(_KEEP_COLUMNS, _REQUIRE_COLUMNS)],
            state_operations=[
                migrations.RemoveField(model_name="alertsettings", name="webhook_url"),
                migrations.RemoveField(model_name="alertsettings", name="webhook_secret"),
            ],
        ),
    ]
