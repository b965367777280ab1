"""API keys as rows: whose, by which hash they are found, and what each may do."""

import secrets

from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import Exact
from django.utils import timezone

from accounts.columns import JsonKind, OctetLength
from accounts.keys import LAST_FOUR_LENGTH, PREFIX_LENGTH
from accounts.names import NAME_LENGTH_MAX


def public_hash_make() -> str:
    """A name for addresses and programs. It is random: whoever reads it learns nothing of the secret."""
    return secrets.token_hex(32)


class ApiKey(models.Model):
    """An API key without its secret: that is shown once and only its hash is kept.

    After a rotation the hash before it is good until `previous_valid_until`. Null means: every model, the usual pace.
    """

    organization = models.ForeignKey("accounts.Organization", on_delete=models.PROTECT, related_name="api_keys")
    member = models.ForeignKey(
        "accounts.Membership", on_delete=models.SET_NULL, null=True, blank=True, related_name="api_keys"
    )
    name = models.CharField(max_length=NAME_LENGTH_MAX)
    public_hash = models.CharField(max_length=64, unique=True, default=public_hash_make, editable=False)
    key_hash = models.BinaryField(max_length=32, unique=True)
    previous_key_hash = models.BinaryField(max_length=32, unique=True, null=True)
    previous_valid_until = models.DateTimeField(null=True, blank=True)
    prefix = models.CharField(max_length=PREFIX_LENGTH)
    last_four = models.CharField(max_length=LAST_FOUR_LENGTH)
    allowed_models = models.JSONField(null=True, blank=True)
    allowed_ips = models.JSONField(default=list, blank=True)
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    # Nobody knows its secret: the process itself asks with it, for the member whose key it is.
    is_playground = models.BooleanField(default=False, editable=False)

    class Meta:
        verbose_name = "API key"
        verbose_name_plural = "API keys"
        indexes = [models.Index(name="api_key_of_organization", fields=["organization", "-id"])]
        constraints = [
            models.CheckConstraint(name="api_key_name_given", condition=~Q(name="")),
            models.CheckConstraint(name="api_key_hash_length", condition=Exact(OctetLength("key_hash"), 32)),
            models.CheckConstraint(
                name="api_key_expires_later",
                condition=Q(expires_at=None) | Q(expires_at__gt=F("created_at")),
            ),
            models.CheckConstraint(name="api_key_public_hash_form", condition=Q(public_hash__regex="^[0-9a-f]{64}$")),
            models.CheckConstraint(
                name="api_key_previous_whole",
                condition=Q(previous_key_hash=None, previous_valid_until=None)
                | Q(
                    Exact(OctetLength("previous_key_hash"), 32),
                    previous_key_hash__isnull=False,
                    previous_valid_until__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="api_key_models_listed",
                condition=Q(allowed_models__isnull=True)
                | Q(Exact(JsonKind("allowed_models"), "array"), ~Q(allowed_models=[])),
            ),
            models.CheckConstraint(name="api_key_ips_listed", condition=Exact(JsonKind("allowed_ips"), "array")),
            models.CheckConstraint(
                name="api_key_pace_positive",
                condition=Q(requests_per_minute=None) | Q(requests_per_minute__gt=0),
            ),
            models.UniqueConstraint(
                name="api_key_one_playground", fields=["member"], condition=Q(is_playground=True, revoked_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…{self.last_four})"
