"""When something stops: a moment to come, said with its time zone."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.utils import timezone


def expiry_check(expires_at: datetime | None) -> None:
    """`ValidationError` for a moment that is over or says no time zone; None never comes."""
    if expires_at is None:
        return
    if timezone.is_naive(expires_at):
        raise ValidationError("Say the time zone of the expiry.", code="naive")
    if expires_at <= timezone.now():
        raise ValidationError("The expiry must be in the future.", code="past")
