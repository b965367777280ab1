"""Management keys as rows: programs that manage an organisation, each in the name of the member who made its key."""

from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import Exact
from django.utils import timezone

from accounts.columns import JsonKind, OctetLength
from accounts.keys import LAST_FOUR_LENGTH, MANAGEMENT_PREFIX_LENGTH
from accounts.names import NAME_LENGTH_MAX


class ManagementKey(models.Model):
    """A management key without its secret. It does what its member may, within its scopes; without one it is dead."""

    organization = models.ForeignKey("accounts.Organization", on_delete=models.PROTECT, related_name="management_keys")
    member = models.ForeignKey(
        "accounts.Membership", on_delete=models.SET_NULL, null=True, blank=True, related_name="management_keys"
    )
    name = models.CharField(max_length=NAME_LENGTH_MAX)
    key_hash = models.BinaryField(max_length=32, unique=True)
    prefix = models.CharField(max_length=MANAGEMENT_PREFIX_LENGTH)
    last_four = models.CharField(max_length=LAST_FOUR_LENGTH)
    scopes = models.JSONField()
    allowed_ips = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(name="mgmt_key_of_organization", fields=["organization", "-id"])]
        constraints = [
            models.CheckConstraint(name="management_key_name_given", condition=~Q(name="")),
            models.CheckConstraint(name="management_key_hash_length", condition=Exact(OctetLength("key_hash"), 32)),
            models.CheckConstraint(
                name="management_key_scopes_given",
                condition=Exact(JsonKind("scopes"), "array") & ~Q(scopes=[]),
            ),
            models.CheckConstraint(name="management_key_ips_listed", condition=Exact(JsonKind("allowed_ips"), "array")),
            models.CheckConstraint(
                name="management_key_expires_later",
                condition=Q(expires_at=None) | Q(expires_at__gt=F("created_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…{self.last_four})"
