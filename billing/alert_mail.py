"""An alert as a mail; one to a further address says how to end them, for people and for mail programs (RFC 8058)."""

from email.message import EmailMessage
from email.policy import EmailPolicy, Policy, default
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from billing.alert_models import AlertDelivery
from billing.alert_texts import alert_text
from billing.alert_unsubscribes import unsubscribe_link

UNSUBSCRIBE = "List-Unsubscribe"


def alert_mail(delivery: AlertDelivery) -> EmailMultiAlternatives:
    """The mail, the same for every try: a mailbox that gets it twice shows it once."""
    alert = delivery.alert
    text = alert_text(kind=alert.kind, level=alert.level, facts=alert.facts)
    slug = alert.organization.slug
    unsubscribe = unsubscribe_link(organization_id=alert.organization_id, email=delivery.target)
    context = {
        "text": text,
        "organization": alert.organization.name,
        "email": delivery.target,
        "link": f"{settings.SITE_URL}/app/{slug}/{text.page}",
        "settings_link": f"{settings.SITE_URL}/app/{slug}/alerts",
        "unsubscribe_link": unsubscribe,
    }
    headers = {"Message-ID": f"<alert-{delivery.id}@{_host()}>", "Auto-Submitted": "auto-generated"}
    if unsubscribe:
        headers |= {UNSUBSCRIBE: f"<{unsubscribe}>", f"{UNSUBSCRIBE}-Post": "List-Unsubscribe=One-Click"}
    message = _Mail(
        subject=f"{text.title} ({alert.organization.name})".replace("\n", " "),
        body=render_to_string("mail/alert.txt", context),
        to=[delivery.target],
        headers=headers,
    )
    message.attach_alternative(render_to_string("mail/alert.html", context), "text/html")
    return message


class _WholeLinks(EmailPolicy):
    """A long link stays one word: folding would write it as encoded words, which no mail program takes for a link."""

    def fold(self, name: str, value: Any) -> str:
        return f"{name}: {value}{self.linesep}" if name == UNSUBSCRIBE else super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        return self.fold(name, value).encode() if name == UNSUBSCRIBE else super().fold_binary(name, value)


class _Mail(EmailMultiAlternatives):
    def message(self, *, policy: Policy | None = None) -> EmailMessage:
        policy = policy or default
        return super().message(policy=_WholeLinks(linesep=policy.linesep, cte_type=policy.cte_type))


def _host() -> str:
    return str(settings.SITE_URL).partition("://")[2].partition("/")[0].partition(":")[0]
