"""Refuses to run with settings under which payments would be lost or faked."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from billing.stripe_mode import livemode


@register("payments")
def payments_check(**_: Any) -> list[CheckMessage]:
    """A live key needs the secret that tells Stripe's notices from forged ones."""
    key, secret = settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET
    if key and not key.startswith(("sk_", "rk_")):
        return [Error("STRIPE_SECRET_KEY is no secret key: it begins with sk_ or rk_.", id="billing.E001")]
    if secret and not secret.startswith("whsec_"):
        return [Error("STRIPE_WEBHOOK_SECRET is no signing secret: it begins with whsec_.", id="billing.E003")]
    if key and livemode() and not secret:
        hint = "Stripe shows it where the webhook endpoint is set up; see docs/operations.md."
        return [Error("STRIPE_SECRET_KEY is live and STRIPE_WEBHOOK_SECRET is empty.", hint=hint, id="billing.E002")]
    return []


class PaymentsRefused(Exception):
    """The web process does not start with these settings; the message says which."""


def payments_check_at_start() -> None:
    """As the system check, for a process that is not started by `manage.py`."""
    if found := payments_check():
        raise PaymentsRefused(f"{found[0].msg} {found[0].hint or ''}".strip())
