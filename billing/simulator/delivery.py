"""Sends the simulator's notices to the web process of this machine, by HTTP as Stripe would."""

from contextlib import closing
from http.client import HTTPConnection, HTTPException

import structlog
from django.conf import settings

from billing.simulator.notices import Sender
from billing.simulator.store import Store
from billing.stripe_mode import webhook_secret

log = structlog.get_logger(__name__)
TIMEOUT_SECONDS = 5


def notices_deliver() -> int:
    """Send what waits; how many notices were taken."""
    try:
        return Sender(Store(settings.STRIPE_SIMULATOR_FILE), webhook_secret(), _post).send()
    except (OSError, HTTPException) as error:
        log.warning("stripe_simulator.not_delivered", error=type(error).__name__)
        return 0


def _post(body: bytes, signature: str) -> int:
    with closing(HTTPConnection(settings.HOST, settings.PORT, timeout=TIMEOUT_SECONDS)) as connection:
        headers = {"Content-Type": "application/json", "Stripe-Signature": signature}
        connection.request("POST", "/webhooks/stripe", body, headers)
        return connection.getresponse().status
