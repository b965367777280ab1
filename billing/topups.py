"""Top-ups: how a customer puts money on the wallet."""

from uuid import uuid4

from django.conf import settings

from billing import ledger
from catalog.money import NANOS_PER_USD, nanos_to_usd

TOPUP_MIN_NANOS = 5 * NANOS_PER_USD
TOPUP_MAX_NANOS = 10_000 * NANOS_PER_USD


class TopupsDisabled(Exception):
    """Development top-ups are off, as they always are where DEBUG is."""


class TopupAmountRefused(ValueError):
    """The amount is below or above what one top-up may be; the message says so."""


def topup_development(*, organization_id: int, amount_nanos: int, by_user_id: int, key: str | None = None) -> None:
    """Credit a wallet with money nobody paid, to try the product without payments: only with DEBUG on.

    The transfer comes out of `suspense`: it must never look like a payment. Of several calls with one `key` the
    first credits.
    """
    if not (settings.DEBUG and settings.DEVELOPMENT_TOPUP):
        raise TopupsDisabled
    if not TOPUP_MIN_NANOS <= amount_nanos <= TOPUP_MAX_NANOS:
        bounds = f"${nanos_to_usd(TOPUP_MIN_NANOS)} to ${nanos_to_usd(TOPUP_MAX_NANOS)}"
        raise TopupAmountRefused(f"A top-up is {bounds}.")
    ledger.wallet_credit(
        organization_id=organization_id,
        amount_nanos=amount_nanos,
        key=f"development:{organization_id}:{key or uuid4()}",
        kind="topup",
        reason=f"development top-up by user {by_user_id}",
    )
