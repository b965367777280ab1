"""Alerts as rows: what an organisation wants to be told, what it was told, and what still has to be delivered."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from billing.webhook_models import WEBHOOK_KINDS, Webhook

KINDS = (*WEBHOOK_KINDS, "webhook_paused", "test")
CHANNELS = ("email", "webhook")
STATES = ("waiting", "sent", "given_up")
# Where nobody chose, a balance is low below this and below what the last day cost.
LOW_BALANCE_NANOS = 5_000_000_000
RECIPIENTS_MAX = 5


def _choices(names: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(name, name.replace("_", " ")) for name in names]


def roles_default() -> list[str]:
    """Who is told where nobody chose."""
    return ["owner"]


class AlertSettings(models.Model):
    """What an organisation is told, when and where; without a row everything is as it is here by default."""

    organization = models.OneToOneField(
        "accounts.Organization", on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    low_balance = models.BooleanField(default=True)
    low_balance_nanos = models.BigIntegerField(default=LOW_BALANCE_NANOS)
    key_limit = models.BooleanField(default=True)
    topup_failed = models.BooleanField(default=True)
    unusual_spend = models.BooleanField(default=True)
    unusual_factor = models.PositiveSmallIntegerField(default=5)
    unusual_floor_nanos = models.BigIntegerField(default=5_000_000_000)
    roles = models.JSONField(default=roles_default)
    recipients = models.JSONField(default=list, blank=True)  # Further addresses, of nobody who is a member.

    class Meta:
        verbose_name_plural = "alert settings"
        constraints: ClassVar = [
            models.CheckConstraint(name="alert_low_balance_positive", condition=Q(low_balance_nanos__gt=0)),
            models.CheckConstraint(name="alert_unusual_factor", condition=Q(unusual_factor__gte=2)),
            models.CheckConstraint(name="alert_unusual_floor_positive", condition=Q(unusual_floor_nanos__gt=0)),
        ]

    def __str__(self) -> str:
        return f"Alerts of {self.organization}"


class AlertAddress(models.Model):
    """A further address, and whether whoever reads it wants this organisation's alerts.

    It stays when it is not chosen any more: nobody is asked twice, and a yes is a yes.
    """

    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="+")
    email = models.CharField(max_length=254)
    token_hash = models.BinaryField(max_length=32, null=True, unique=True)
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    unsubscribed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "alert addresses"
        constraints: ClassVar = [models.UniqueConstraint(name="alert_address_once", fields=["organization", "email"])]

    def __str__(self) -> str:
        return f"{self.email} for {self.organization}"


class AlertWatch(models.Model):
    """How bad something was when it was last looked at. An alert goes out only when `level` rises."""

    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=_choices(KINDS))
    subject = models.CharField(max_length=60, blank=True, default="")
    level = models.PositiveSmallIntegerField(default=0)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "alert watches"
        constraints: ClassVar = [
            models.UniqueConstraint(name="alert_watch_once", fields=["organization", "kind", "subject"])
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject} of {self.organization}: {self.level}"


class Refusal(models.Model):
    """A request was refused for lack of balance: the first one since the balance was well."""

    organization = models.OneToOneField(
        "accounts.Organization", on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    refused_at = models.DateTimeField()
    required_nanos = models.BigIntegerField()
    available_nanos = models.BigIntegerField()
    balance_nanos = models.BigIntegerField()

    def __str__(self) -> str:
        return f"Refusal of {self.organization}"


class Alert(models.Model):
    """Something an organisation was told, with the facts as they were then."""

    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=_choices(KINDS))
    level = models.PositiveSmallIntegerField(default=0)
    facts = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(name="alert_newest", fields=["organization", "-id"])]

    def __str__(self) -> str:
        return f"{self.kind} of {self.organization}"


class AlertDelivery(models.Model):
    """One alert on its way to one address. The row is the outbox: a message to the worker is only a hint."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=10, choices=_choices(CHANNELS))
    target = models.CharField(max_length=500)
    webhook = models.ForeignKey(Webhook, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    state = models.CharField(max_length=10, choices=_choices(STATES), default="waiting")
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        verbose_name_plural = "alert deliveries"
        indexes: ClassVar = [
            models.Index(name="alert_delivery_due", fields=["due_at"], condition=Q(state="waiting")),
            models.Index(name="alert_delivery_of_webhook", fields=["webhook", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.channel} to {self.target}: {self.state}"
