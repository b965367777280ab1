"""Whom an organisation wants receipts made out to, and who else gets them by mail."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

RECIPIENTS_MAX = 5


class BillingProfile(models.Model):
    """All of it may be empty; a payment keeps a copy of what stood here when it was begun."""

    organization = models.OneToOneField(
        "accounts.Organization", on_delete=models.PROTECT, primary_key=True, related_name="+"
    )
    name = models.CharField(max_length=100, blank=True)
    line1 = models.CharField(max_length=100, blank=True)
    line2 = models.CharField(max_length=100, blank=True)
    city = models.CharField(max_length=80, blank=True)
    region = models.CharField(max_length=80, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    country = models.CharField(max_length=2, blank=True)
    tax_id = models.CharField(max_length=40, blank=True)
    recipients = models.JSONField(default=list, blank=True)
    changed_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager["BillingProfile"]] = models.Manager()

    class Meta:
        db_table = "billing_profile"

    def __str__(self) -> str:
        return self.name or f"Billing profile of organisation {self.pk}"
