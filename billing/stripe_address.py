"""Where a person is led on to: Stripe's own pages or the simulator's, and back to whoever sent them to pay."""

from urllib.parse import urlsplit

from django.http import Http404

from billing import stripe_mode
from billing.webhook_post import webhook_url_check


def stripe_address(url: str) -> str:
    """`url`, if it is Stripe's or ours; of ours the path alone, so that the visitor stays on the host they came by."""
    parts = urlsplit(url)
    if parts.scheme == "https" and (parts.hostname or "").endswith(".stripe.com"):
        return url
    if parts.path.startswith("/app/") or (stripe_mode.simulated() and parts.path.startswith("/stripe-simulator/")):
        return parts._replace(scheme="", netloc="").geturl()
    raise Http404


def success_url_check(url: str) -> str:
    """The URL, if who has paid may be led there: https and public, or loopback while no card is really charged.

    Raises `AddressRefused`.
    """
    return webhook_url_check(url, loopback_allowed=not stripe_mode.livemode())
