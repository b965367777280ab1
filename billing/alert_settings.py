"""What an organisation wants to be told, when and where: read and changed."""

from collections.abc import Collection
from dataclasses import asdict, dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.audit import audit_record
from billing.alert_models import RECIPIENTS_MAX, AlertSettings
from billing.alert_recipients import RecipientsRefused as RecipientsRefused, recipients_ask
from billing.alerts import settings_row

ROLES = ("owner", "admin", "billing")


@dataclass(frozen=True, slots=True)
class AlertChoices:
    """What to tell and above or below what; `roles` and `recipients` are told by e-mail."""

    low_balance: bool
    low_balance_nanos: int
    key_limit: bool
    topup_failed: bool
    unusual_spend: bool
    unusual_factor: int
    unusual_floor_nanos: int
    roles: Collection[str]
    recipients: Collection[str] = ()


def alert_choices_get(*, organization_id: int) -> AlertChoices:
    """What is chosen now, the defaults where nobody chose."""
    row = settings_row(organization_id=organization_id)
    return AlertChoices(
        low_balance=row.low_balance,
        low_balance_nanos=row.low_balance_nanos,
        key_limit=row.key_limit,
        topup_failed=row.topup_failed,
        unusual_spend=row.unusual_spend,
        unusual_factor=row.unusual_factor,
        unusual_floor_nanos=row.unusual_floor_nanos,
        roles=tuple(row.roles),
        recipients=tuple(row.recipients),
    )


@transaction.atomic
def alert_choices_set(*, organization_id: int, choices: AlertChoices, user_id: int | None = None) -> None:
    """Save them; new further addresses are asked whether they want it. Raises `RecipientsRefused`."""
    recipients = recipients_check(choices.recipients)
    fields = asdict(choices) | {
        "roles": [role for role in ROLES if role in choices.roles],
        "recipients": recipients,
    }
    AlertSettings.objects.update_or_create(organization_id=organization_id, defaults=fields)
    recipients_ask(organization_id=organization_id, emails=recipients)
    audit_record(
        organization_id=organization_id,
        user_id=user_id,
        action="alerts.changed",
        details={"recipients": ", ".join(recipients)} if recipients else {},
    )


def recipients_check(recipients: Collection[str]) -> list[str]:
    """The addresses, each once; `RecipientsRefused` where one is none, or there are too many."""
    checked = list(dict.fromkeys(address.strip().lower() for address in recipients if address.strip()))
    for address in checked:
        try:
            validate_email(address)
        except ValidationError as error:
            raise RecipientsRefused(_("“%(address)s” is not an e-mail address.") % {"address": address}) from error
    if len(checked) > RECIPIENTS_MAX:
        raise RecipientsRefused(_("At most %(most)s further addresses.") % {"most": RECIPIENTS_MAX})
    return checked
