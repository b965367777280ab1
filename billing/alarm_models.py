"""What staff are told of: alarms, the checks that raised them, and each day's usage by provider."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone


class Alarm(models.Model):
    """Something that must not be: open until a check no longer finds it. What it froze stays so until a person acts."""

    rule = models.CharField(max_length=40)
    subject = models.CharField(max_length=200)
    detail = models.CharField(max_length=300, blank=True, default="")
    wallet_id = models.BigIntegerField(null=True, blank=True)
    first_seen_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)
    cleared_at = models.DateTimeField(null=True, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="alarm_open_once", fields=["rule", "subject"], condition=Q(cleared_at=None))
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.subject}"


class LedgerCheck(models.Model):
    """A check of the books: how far it looked, how long it took, what it found. The next goes on from there."""

    kind = models.CharField(max_length=10, choices=[("minute", "minute"), ("night", "night")])
    checked_at = models.DateTimeField(default=timezone.now)
    took_ms = models.PositiveIntegerField()
    violations = models.PositiveIntegerField()
    settlement_id = models.BigIntegerField(default=0)
    hour = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(name="ledger_check_newest", fields=["-checked_at"])]

    def __str__(self) -> str:
        return f"{self.kind} check of {self.checked_at:%Y-%m-%d %H:%M}: {self.violations}"


class ProviderDay(models.Model):
    """What one provider did for one model on one day, as our usage records say: to be held against its bill."""

    day = models.DateField()
    provider = models.CharField(max_length=80, blank=True, default="")
    model = models.CharField(max_length=200)
    requests = models.BigIntegerField()
    input_tokens = models.BigIntegerField()
    cache_read_tokens = models.BigIntegerField()
    cache_write_5m_tokens = models.BigIntegerField()
    cache_write_1h_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    reasoning_tokens = models.BigIntegerField()
    cost_nanos = models.BigIntegerField()
    charge_nanos = models.BigIntegerField()
    write_off_nanos = models.BigIntegerField()
    write_offs = models.BigIntegerField()
    estimated = models.BigIntegerField()
    missing = models.BigIntegerField()

    class Meta:
        verbose_name = "day of a provider"
        verbose_name_plural = "days of providers"
        constraints: ClassVar = [models.UniqueConstraint(name="provider_day_once", fields=["day", "provider", "model"])]

    def __str__(self) -> str:
        return f"{self.day} {self.provider} {self.model}"
