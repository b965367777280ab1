"""The way out of alerts for a further address: a signed link in each mail, good for ever and without signing in."""

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.utils import timezone

from accounts.audit import audit_record
from accounts.selectors import members_list
from billing.alert_models import AlertAddress, AlertDelivery
from billing.alert_recipients import RecipientView, recipient_view


def unsubscribe_link(*, organization_id: int, email: str) -> str | None:
    """The link for this address; None for a member, who is told for the role and not as a further address."""
    address = AlertAddress.objects.filter(organization_id=organization_id, email=email).first()
    if address is None or email in {member.email for member in members_list(organization_id=organization_id)}:
        return None
    return f"{settings.SITE_URL}/alerts/stop/{_signer().sign(str(address.id))}"


def recipient_unsubscribing(*, token: str) -> RecipientView | None:
    """The address of a link, whatever became of it."""
    address = AlertAddress.objects.select_related("organization").filter(id=_id(token)).first()
    return recipient_view(address) if address else None


@transaction.atomic
def recipient_unsubscribe(*, token: str) -> None:
    """No more mails to it, those that wait to be sent among them. Twice is fine."""
    address = _address(token, unsubscribed=False)
    if address is None:
        return
    address.unsubscribed_at = timezone.now()
    address.save(update_fields=["unsubscribed_at"])
    waiting = AlertDelivery.objects.filter(channel="email", target=address.email, state="waiting")
    ours = waiting.filter(alert__organization_id=address.organization_id)
    ours.update(state="given_up", last_error="The address was unsubscribed.")
    _audit(address, "alerts.recipient_unsubscribed")


@transaction.atomic
def recipient_return(*, token: str) -> None:
    """They want the mails again. Twice is fine."""
    address = _address(token, unsubscribed=True)
    if address is None:
        return
    address.unsubscribed_at = None
    address.save(update_fields=["unsubscribed_at"])
    _audit(address, "alerts.recipient_returned")


def _address(token: str, *, unsubscribed: bool) -> AlertAddress | None:
    found = AlertAddress.objects.filter(id=_id(token), unsubscribed_at__isnull=not unsubscribed)
    return found.select_for_update().first()


def _id(token: str) -> int:
    try:
        return int(_signer().unsign(token))
    except BadSignature:
        return 0


def _signer() -> Signer:
    return Signer(salt="billing.alert_unsubscribes", sep=".")


def _audit(address: AlertAddress, action: str) -> None:
    audit_record(organization_id=address.organization_id, user_id=None, action=action, target=address.email)
