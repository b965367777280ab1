"""What the site itself keeps: answers that may be asked for again, and codes of apps that connect."""

from django.db import models
from django.utils import timezone


class OnceAnswer(models.Model):
    """The answer to a POST with an Idempotency-Key; `sealed` opens with the secret that only the caller has."""

    management_key_id = models.BigIntegerField()
    idempotency_key = models.CharField(max_length=255)
    fingerprint = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField(null=True)
    sealed = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes = [models.Index(name="once_answer_age", fields=["created_at"])]
        constraints = [models.UniqueConstraint(name="once_unique", fields=["management_key_id", "idempotency_key"])]

    def __str__(self) -> str:
        return f"{self.management_key_id}: {self.idempotency_key}"


class ConnectCode(models.Model):
    """What a person allowed an app, until the app turns its code into a key; the code itself is nowhere."""

    code_hash = models.BinaryField(max_length=32, unique=True)
    challenge = models.CharField(max_length=43)
    organization_id = models.BigIntegerField()
    member_id = models.BigIntegerField()
    user_id = models.BigIntegerField()
    app = models.CharField(max_length=300)
    name = models.CharField(max_length=100)
    key_expires_at = models.DateTimeField(null=True)
    limit_period = models.CharField(max_length=10, blank=True)
    limit_nanos = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(name="connect_code_age", fields=["created_at"])]

    def __str__(self) -> str:
        return f"{self.app}: {self.name}"
