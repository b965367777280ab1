"""Further addresses of alerts: each gets some only after whoever reads it said yes, by a link that is in its mail."""

import hashlib
import secrets
import smtplib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit import audit_record
from accounts.selectors import members_list, organization_ref
from billing.alert_models import AlertAddress

log = structlog.get_logger(__name__)
LINK_DAYS = 7
RESEND_SECONDS = 600
# Nobody fills foreign mailboxes with our questions.
ASKED_A_DAY_MAX = 20


class RecipientsRefused(ValueError):
    """A further address is none, or there are too many, or it was asked just now; the message says so."""


@dataclass(frozen=True, slots=True)
class RecipientView:
    """A further address. `expires_at` is its link's end."""

    email: str
    organization: str
    confirmed_at: datetime | None
    expires_at: datetime
    unsubscribed_at: datetime | None

    @property
    def state(self) -> str:
        """Unsubscribed, confirmed, waiting, or expired: its link is of no use any more."""
        if self.unsubscribed_at is not None:
            return "unsubscribed"
        if self.confirmed_at is not None:
            return "confirmed"
        return "waiting" if self.expires_at > timezone.now() else "expired"


def recipients_ask(*, organization_id: int, emails: Collection[str]) -> None:
    """Ask those that were never asked, each once. Inside the transaction that chooses them."""
    known = set(_addresses(organization_id, emails).values_list("email", flat=True))
    for email in emails:
        if email not in known and email not in _members(organization_id):
            _ask(AlertAddress(organization_id=organization_id, email=email))


@transaction.atomic
def recipient_resend(*, organization_id: int, email: str, user_id: int | None) -> None:
    """A new link; the one before stops. Raises `RecipientsRefused`."""
    waiting = _addresses(organization_id, [email]).filter(confirmed_at=None, unsubscribed_at=None)
    address = waiting.select_for_update().first()
    if address is None:
        raise RecipientsRefused(_("This address is not waiting for a confirmation."))
    if address.sent_at > timezone.now() - timedelta(seconds=RESEND_SECONDS):
        raise RecipientsRefused(_("It was sent less than ten minutes ago: have a look at the spam folder too."))
    _ask(address)
    audit_record(
        organization_id=organization_id, user_id=user_id, action="alerts.recipient_asked", target=address.email
    )


def recipient_by_token(*, token: str) -> RecipientView | None:
    """The address of a link, whatever became of it."""
    address = AlertAddress.objects.select_related("organization").filter(token_hash=_hash(token)).first()
    return recipient_view(address) if address and address.organization.is_active else None


@transaction.atomic
def recipient_confirm(*, token: str) -> None:
    """Whoever has the link wants the mails. Twice is fine; an expired link changes nothing."""
    waiting = AlertAddress.objects.filter(token_hash=_hash(token), confirmed_at=None, expires_at__gt=timezone.now())
    address = waiting.select_for_update().first()
    if address is None:
        return
    address.confirmed_at = timezone.now()
    address.save(update_fields=["confirmed_at"])
    audit_record(
        organization_id=address.organization_id,
        user_id=None,
        action="alerts.recipient_confirmed",
        target=address.email,
    )


def recipients_confirmed(*, organization_id: int, emails: Collection[str]) -> list[str]:
    """Those that may be mailed: who said yes, and no no since, and members: their address was proved as they joined."""
    if not emails:
        return []
    said_yes = _addresses(organization_id, emails).filter(unsubscribed_at=None).exclude(confirmed_at=None)
    may = set(said_yes.values_list("email", flat=True)) | _members(organization_id)
    return [email for email in emails if email in may]


def recipients_waiting(*, organization_id: int, emails: Collection[str]) -> list[RecipientView]:
    """Those that get nothing, because they have not said yes or said no since, in the order they were chosen."""
    confirmed = recipients_confirmed(organization_id=organization_id, emails=emails)
    waiting = [email for email in emails if email not in confirmed]
    rows = _addresses(organization_id, waiting).select_related("organization")
    by_email = {row.email: recipient_view(row) for row in rows}
    return [by_email[email] for email in waiting if email in by_email]


def _ask(address: AlertAddress) -> None:
    now, token = timezone.now(), secrets.token_urlsafe(32)
    asked = AlertAddress.objects.filter(organization_id=address.organization_id, sent_at__gt=now - timedelta(days=1))
    if asked.count() >= ASKED_A_DAY_MAX:
        raise RecipientsRefused(_("Too many addresses were asked today. Try again tomorrow."))
    address.token_hash = _hash(token)
    address.sent_at, address.expires_at = now, now + timedelta(days=LINK_DAYS)
    address.save()
    _mail(address, token)


def _mail(address: AlertAddress, token: str) -> None:
    """After the commit; a mail server that is down leaves the address, which can be asked again."""
    name = organization_ref(organization_id=address.organization_id).name
    context = {
        "organization": name,
        "email": address.email,
        "days": LINK_DAYS,
        "link": f"{settings.SITE_URL}/alerts/confirm/{token}",
    }
    subject = _("Do you want the alerts of %(name)s?") % {"name": name}
    message = EmailMultiAlternatives(
        subject=" ".join(subject.split()),
        body=render_to_string("mail/alert_confirm.txt", context),
        to=[address.email],
    )
    message.attach_alternative(render_to_string("mail/alert_confirm.html", context), "text/html")

    def send() -> None:
        try:
            message.send()
        except (OSError, smtplib.SMTPException) as error:
            log.warning("mail_not_sent", template="alert_confirm", error=type(error).__name__)

    transaction.on_commit(send)


def _addresses(organization_id: int, emails: Collection[str]) -> QuerySet[AlertAddress]:
    return AlertAddress.objects.filter(organization_id=organization_id, email__in=emails)


def _members(organization_id: int) -> set[str]:
    return {member.email for member in members_list(organization_id=organization_id)}


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def recipient_view(address: AlertAddress) -> RecipientView:
    """A further address as others may know it."""
    return RecipientView(
        email=address.email,
        organization=address.organization.name,
        confirmed_at=address.confirmed_at,
        expires_at=address.expires_at,
        unsubscribed_at=address.unsubscribed_at,
    )
