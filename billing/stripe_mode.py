"""Which Stripe we speak to: the real one by keys, the simulator in development, or none."""

import hashlib
import hmac

from django.conf import settings

LIVE_PREFIXES = ("sk_live_", "rk_live_")


def configured() -> bool:
    """Whether customers can pay: by keys of ours, or at the simulator."""
    return bool(settings.STRIPE_SECRET_KEY) or simulated()


def simulated() -> bool:
    """Whether payments are a simulation: development without keys."""
    return bool(settings.DEBUG and not settings.STRIPE_SECRET_KEY and settings.STRIPE_SIMULATOR_FILE)


def livemode() -> bool:
    """Whether cards are really charged."""
    return str(settings.STRIPE_SECRET_KEY).startswith(LIVE_PREFIXES)


def webhook_secret() -> str:
    """What notices are signed with; empty where there is none."""
    if simulated():
        made = hmac.new(settings.SECRET_KEY.encode(), b"stripe-simulator", hashlib.sha256).hexdigest()
        return f"whsec_{made}"
    return str(settings.STRIPE_WEBHOOK_SECRET)
