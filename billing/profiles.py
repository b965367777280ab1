"""An organisation's billing profile: read, and changed with a line in the audit log."""

from collections.abc import Collection
from dataclasses import dataclass, fields

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit import audit_record
from billing.billing_details import NO_DETAILS, BillingDetails, DetailsRefused
from billing.models import BillingProfile
from billing.profile_models import RECIPIENTS_MAX

_DETAILS = tuple(field.name for field in fields(BillingDetails))


@dataclass(frozen=True, slots=True)
class ProfileView:
    """Whom receipts are made out to, and who gets them by mail. `asked`: somebody filled it in or emptied it."""

    details: BillingDetails = NO_DETAILS
    recipients: tuple[str, ...] = ()
    asked: bool = False


def profile_get(*, organization_id: int) -> ProfileView:
    """The organisation's profile; an empty one where nobody gave any."""
    row = BillingProfile.objects.filter(organization_id=organization_id).first()
    return _view(row) if row else ProfileView()


@transaction.atomic
def profile_set(
    *, organization_id: int, details: BillingDetails, recipients: Collection[str], user_id: int | None
) -> bool:
    """Save it; whether anything is new. `details` are clean; raises `DetailsRefused` for `recipients`."""
    addresses = recipients_clean(recipients)
    BillingProfile.objects.get_or_create(organization_id=organization_id)
    row = BillingProfile.objects.select_for_update().get(organization_id=organization_id)
    wanted = {name: getattr(details, name) for name in _DETAILS} | {"recipients": addresses}
    changed = [name for name, value in wanted.items() if getattr(row, name) != value]
    if not changed:
        return False
    for name in changed:
        setattr(row, name, wanted[name])
    row.changed_at = timezone.now()
    row.save()
    _audit(organization_id, user_id, "billing_profile.changed", {name: wanted[name] for name in changed})
    return True


@transaction.atomic
def recipient_stop(*, organization_id: int, email: str) -> None:
    """Whoever reads that mailbox wants no more receipts. Twice is fine."""
    row = BillingProfile.objects.select_for_update().filter(organization_id=organization_id).first()
    if row is None or email not in row.recipients:
        return
    row.recipients = [address for address in row.recipients if address != email]
    row.changed_at = timezone.now()
    row.save(update_fields=["recipients", "changed_at"])
    audit_record(
        organization_id=organization_id, user_id=None, action="billing_profile.recipient_stopped", target=email
    )


def recipients_clean(recipients: Collection[str]) -> list[str]:
    """The addresses, each once. Raises `DetailsRefused`."""
    addresses = list(dict.fromkeys(address.strip().lower() for address in recipients if address.strip()))
    for address in addresses:
        try:
            validate_email(address)
        except ValidationError as error:
            said = _("“%(address)s” is not an e-mail address.") % {"address": address[:100]}
            raise DetailsRefused({"recipients": said}) from error
    if len(addresses) > RECIPIENTS_MAX:
        raise DetailsRefused({"recipients": _("At most %(most)s addresses.") % {"most": RECIPIENTS_MAX}})
    return addresses


def _audit(organization_id: int, user_id: int | None, action: str, changed: dict[str, str | list[str]]) -> None:
    said = {name: ", ".join(value) if isinstance(value, list) else value for name, value in changed.items()}
    details = {name: value or "-" for name, value in said.items()}
    audit_record(organization_id=organization_id, user_id=user_id, action=action, details=details)


def _view(row: BillingProfile) -> ProfileView:
    details = BillingDetails(**{name: getattr(row, name) for name in _DETAILS})
    return ProfileView(details=details, recipients=tuple(row.recipients), asked=True)
