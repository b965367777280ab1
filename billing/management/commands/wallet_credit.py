"""`manage.py wallet_credit ORGANIZATION USD --reason TEXT`: an operator puts money on a wallet."""

from typing import Any
from uuid import uuid4

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.errors import OrganizationNotFound
from accounts.selectors import organization_by_slug_or_name
from billing import ledger
from catalog.money import NANOS_PER_USD, nanos_to_usd, usd_to_nanos

CREDIT_MAX_NANOS = 1_000_000 * NANOS_PER_USD
KEY_LENGTH_MAX = 100
REASON_LENGTH_MAX = 500


class Command(BaseCommand):
    help = (
        "Put money on an organisation's wallet. It is the customer's own, like a payment (kind correction, out of "
        "suspense); --kind goodwill or promo makes it granted credit instead: spent first, never refunded."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organization", help="slug or exact name")
        parser.add_argument("usd", help="dollars, such as 12.50")
        parser.add_argument("--reason", required=True, help="why, for the books")
        parser.add_argument("--kind", choices=["correction", "goodwill", "promo"], default="correction")
        parser.add_argument("--key", help="with the same key a second call credits nothing")

    def handle(self, *args: Any, organization: str, usd: str, **options: Any) -> None:
        amount_nanos = _amount(usd)
        reason, key = options["reason"].strip(), options["key"] or str(uuid4())
        if not reason or len(reason) > REASON_LENGTH_MAX:
            raise CommandError(f"A reason has 1 to {REASON_LENGTH_MAX} characters.")
        if len(key) > KEY_LENGTH_MAX:
            raise CommandError(f"A key has at most {KEY_LENGTH_MAX} characters.")
        try:
            found = organization_by_slug_or_name(reference=organization)
            answer = ledger.wallet_credit(
                organization_id=found.id,
                amount_nanos=amount_nanos,
                key=f"operator:{key}",
                kind=options["kind"],
                reason=reason,
            )
        except OrganizationNotFound as error:
            raise CommandError(str(error)) from error
        except ledger.TransferConflict as error:
            raise CommandError(f"The key {key} was used before for another credit.") from error
        shown = f"${nanos_to_usd(amount_nanos)} to {found.slug}"
        self.stdout.write(f"Credited {shown}." if answer == "credited" else f"Credited before: {shown}.")


def _amount(usd: str) -> int:
    try:
        amount_nanos = usd_to_nanos(usd)
    except ValueError as error:
        raise CommandError(f"{error}.") from error
    if not 0 < amount_nanos <= CREDIT_MAX_NANOS:
        raise CommandError(f"A credit is more than $0 and at most ${nanos_to_usd(CREDIT_MAX_NANOS)}.")
    return amount_nanos
