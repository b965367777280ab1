"""Webhooks as rows: where alerts are posted to, which of them, and what signs them."""

import secrets
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from catalog.encryption import SecretField

# What a webhook may choose; a test goes to it whatever it chose.
WEBHOOK_KINDS = ("low_balance", "key_limit", "topup_failed", "unusual_spend")


def webhook_id_make() -> str:
    """A public id: it says nothing of how many there are."""
    return f"wh_{secrets.token_hex(12)}"


class Webhook(models.Model):
    """An address that gets alerts as signed JSON. The address never changes: what was sent went where it says."""

    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="+")
    public_id = models.CharField(max_length=40, unique=True, default=webhook_id_make)
    url = models.CharField(max_length=500)
    secret = SecretField()
    kinds = models.JSONField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    disabled_at = models.DateTimeField(null=True, blank=True)
    # The last error of one that was paused by itself.
    disabled_for = models.CharField(max_length=300, blank=True, default="", db_default="")
    # The first try that failed since one was taken.
    failing_since = models.DateTimeField(null=True, blank=True)
    # Signs beside `secret` until then.
    previous_secret = SecretField(blank=True, default="", db_default="")
    previous_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="webhook_address_once", fields=["organization", "url"]),
            models.CheckConstraint(name="webhook_kinds_given", condition=~Q(kinds=[])),
            models.CheckConstraint(name="webhook_secret_given", condition=~Q(secret="")),
        ]

    def __str__(self) -> str:
        return f"{self.url} of {self.organization}"
