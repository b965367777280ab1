"""Receipts by mail, to whom the billing profile names: each payment once, and in each mail a way to end them."""

import smtplib
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.core import signing
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from billing import stripe_client
from billing.models import Topup
from billing.payment_selectors import receipt_url
from billing.profiles import profile_get
from billing.receipts import receipt_get
from catalog.templatetags.money import usd

log = structlog.get_logger(__name__)
AT_ONCE = 50
# A mail server that was away for longer finds them on the page of receipts.
TRIED_FOR = timedelta(days=1)
_SALT = "billing.receipts.stop"


def receipts_mail() -> int:
    """Mail what was paid and not mailed yet; how many payments were looked after. Twice at once is fine."""
    due = Topup.objects.filter(status="paid", receipts_mailed_at=None).select_related("wallet").order_by("paid_at")
    return sum(_look_after(topup) for topup in due[:AT_ONCE])


def stop_token(*, organization_id: int, email: str) -> str:
    """For the link that ends the mails to this address."""
    return signing.dumps([organization_id, email], salt=_SALT)


def stop_token_read(token: str) -> tuple[int, str] | None:
    """Whose mails a link ends; None where it is none of ours."""
    try:
        organization_id, email = signing.loads(token, salt=_SALT)
    except signing.BadSignature:
        return None
    return int(organization_id), str(email)


def _look_after(topup: Topup) -> bool:
    # Whoever writes the time first sends; a process that dies between sends nothing twice.
    unmailed = Topup.objects.filter(id=topup.id, receipts_mailed_at=None)
    if not unmailed.update(receipts_mailed_at=timezone.now()):
        return False
    recipients = profile_get(organization_id=topup.wallet.organization_id).recipients
    if not recipients or topup.paid_at is None or topup.paid_at < timezone.now() - TRIED_FOR:
        return True
    if not _send(topup, recipients):
        Topup.objects.filter(id=topup.id).update(receipts_mailed_at=None)
        return False
    return True


def _send(topup: Topup, recipients: tuple[str, ...]) -> bool:
    """To each; whether any of it arrived at the mail server."""
    organization_id = topup.wallet.organization_id
    try:
        url = receipt_url(organization_id=organization_id, topup_id=topup.id)
        context = _context(topup, url or "")
    except (stripe_client.StripeUnavailable, stripe_client.StripeRefused, stripe_client.StripeNotConfigured) as error:
        log.warning("receipt_not_mailed", topup=str(topup.id), error=type(error).__name__)
        return False
    sent = 0
    for email in recipients:
        try:
            _message(email, organization_id, context).send()
        except (OSError, smtplib.SMTPException) as error:
            log.warning("mail_not_sent", template="receipt", error=type(error).__name__)
        else:
            sent += 1
    return sent > 0


def _context(topup: Topup, url: str) -> dict[str, Any]:
    receipt = receipt_get(organization_id=topup.wallet.organization_id, topup_id=topup.id)
    assert receipt is not None  # A paid top-up is a payment.
    return {
        "receipt": receipt,
        "organization": topup.wallet.organization.name,
        # Payments may be simulated here: then the address is ours.
        "link": settings.SITE_URL + url if url.startswith("/") else url,
    }


def _message(email: str, organization_id: int, context: dict[str, Any]) -> EmailMultiAlternatives:
    token = stop_token(organization_id=organization_id, email=email)
    stop = settings.SITE_URL + reverse("receipts_stop", args=[token])
    context = context | {"email": email, "stop_link": stop}
    receipt = context["receipt"]
    words = {"number": receipt.number, "amount": usd(receipt.total_nanos), "name": context["organization"]}
    subject = _("Receipt %(number)s: %(amount)s, %(name)s") % words
    message = EmailMultiAlternatives(
        subject=" ".join(subject.split()),
        body=render_to_string("mail/receipt.txt", context),
        to=[email],
        headers={"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    )
    message.attach_alternative(render_to_string("mail/receipt.html", context), "text/html")
    return message
