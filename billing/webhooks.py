"""Webhooks of an organisation: made, changed, paused, given a new secret, removed. Each change is audited."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit import audit_record
from billing.webhook_health import waiting_give_up
from billing.webhook_models import WEBHOOK_KINDS, Webhook
from billing.webhook_post import webhook_url_check

WEBHOOKS_MAX = 10
GRACE_SECONDS_MAX = 7 * 86_400
# With the organisation's id: two at once don't both make the last one.
_COUNT_LOCK = 0x77686B73


class WebhookNotFound(Exception):
    """The organisation has no such webhook, or no such delivery to it."""


class WebhookRefused(Exception):
    """It cannot be done as things are; the message says why."""


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook just made; the secret is shown this once."""

    id: str
    secret: str = field(repr=False)


@transaction.atomic
def webhook_create(*, organization_id: int, url: str, kinds: Collection[str], user_id: int | None) -> NewWebhook:
    """Have alerts of these kinds posted to `url`. Raises `AddressRefused`, `WebhookRefused`."""
    webhook_url_check(url, loopback_allowed=settings.DEBUG)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_COUNT_LOCK, organization_id % 2**31])
    there = Webhook.objects.filter(organization_id=organization_id)
    if there.filter(url=url).exists():
        raise WebhookRefused(_("There is a webhook with this address already."))
    if there.count() >= WEBHOOKS_MAX:
        raise WebhookRefused(_("At most %(most)s webhooks: remove one first.") % {"most": WEBHOOKS_MAX})
    secret = _secret_make()
    made = Webhook.objects.create(
        organization_id=organization_id, url=url, secret=secret, kinds=_kinds(kinds), created_by_id=user_id
    )
    _audit(made, "webhook.created", user_id, kinds=", ".join(made.kinds))
    return NewWebhook(id=made.public_id, secret=secret)


@transaction.atomic
def webhook_kinds_set(*, organization_id: int, public_id: str, kinds: Collection[str], user_id: int | None) -> None:
    """Choose what is posted."""
    webhook = webhook_locked(organization_id=organization_id, public_id=public_id)
    chosen = _kinds(kinds)
    if chosen == webhook.kinds:
        return
    webhook.kinds = chosen
    webhook.save(update_fields=["kinds"])
    _audit(webhook, "webhook.changed", user_id, kinds=", ".join(chosen))


@transaction.atomic
def webhook_pause(*, organization_id: int, public_id: str, user_id: int | None) -> None:
    """Post nothing to it, until it is resumed; what waits is given up. Twice is fine."""
    webhook = webhook_locked(organization_id=organization_id, public_id=public_id)
    if webhook.disabled_at is not None:
        return
    webhook.disabled_at = timezone.now()
    webhook.save(update_fields=["disabled_at"])
    waiting_give_up(webhook, "The webhook was paused.")
    _audit(webhook, "webhook.paused", user_id)


@transaction.atomic
def webhook_resume(*, organization_id: int, public_id: str, user_id: int | None) -> None:
    """Post to it again, from the next alert on. Twice is fine."""
    webhook = webhook_locked(organization_id=organization_id, public_id=public_id)
    if webhook.disabled_at is None:
        return
    webhook.disabled_at, webhook.disabled_for, webhook.failing_since = None, "", None
    webhook.save(update_fields=["disabled_at", "disabled_for", "failing_since"])
    _audit(webhook, "webhook.resumed", user_id)


@transaction.atomic
def webhook_secret_rotate(*, organization_id: int, public_id: str, grace_seconds: int, user_id: int | None) -> str:
    """A new secret, which signs every try from now on, also of what waits; the one before signs too for the grace.

    One that was in its grace already stops.
    """
    if not 0 <= grace_seconds <= GRACE_SECONDS_MAX:
        raise WebhookRefused(_("The secret before it may sign for 7 days at most."))
    webhook = webhook_locked(organization_id=organization_id, public_id=public_id)
    webhook.previous_secret = webhook.secret if grace_seconds else ""
    webhook.previous_until = timezone.now() + timedelta(seconds=grace_seconds) if grace_seconds else None
    secret = _secret_make()
    webhook.secret = secret
    webhook.save(update_fields=["secret", "previous_secret", "previous_until"])
    _audit(webhook, "webhook.secret_rotated", user_id, grace_seconds=str(grace_seconds))
    return secret


@transaction.atomic
def webhook_delete(*, organization_id: int, public_id: str, user_id: int | None) -> None:
    """Forget it. What was sent stays in the log of alerts."""
    webhook = webhook_locked(organization_id=organization_id, public_id=public_id)
    waiting_give_up(webhook, "The webhook was removed.")
    _audit(webhook, "webhook.removed", user_id)
    webhook.delete()


def webhook_locked(*, organization_id: int, public_id: str) -> Webhook:
    """The row, until the transaction ends; `WebhookNotFound` where it is none of theirs."""
    rows = Webhook.objects.select_for_update().filter(organization_id=organization_id, public_id=public_id)
    webhook = rows.first() if "\x00" not in public_id else None
    if webhook is None:
        raise WebhookNotFound(_("There is no such webhook."))
    return webhook


def _kinds(kinds: Collection[str]) -> list[str]:
    chosen = [kind for kind in WEBHOOK_KINDS if kind in kinds]
    if not chosen or set(kinds) - set(chosen):
        raise WebhookRefused(_("Choose what is posted."))
    return chosen


def _secret_make() -> str:
    return f"whsec_{secrets.token_hex(32)}"


def _audit(webhook: Webhook, action: str, user_id: int | None, **details: str) -> None:
    audit_record(
        organization_id=webhook.organization_id, user_id=user_id, action=action, target=webhook.url, details=details
    )
