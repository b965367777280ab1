"""`manage.py wallet_show ORGANIZATION`: an organisation's money as JSON."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.errors import OrganizationNotFound
from accounts.selectors import organization_by_slug_or_name
from billing.selectors import WalletNotFound, wallet_get
from catalog.money import nanos_to_usd


class Command(BaseCommand):
    help = "Print an organisation's balance, held, available, granted and debt: JSON, dollars as decimal strings."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organization", help="slug or exact name")

    def handle(self, *args: Any, organization: str, **options: Any) -> None:
        try:
            found = organization_by_slug_or_name(reference=organization)
            wallet = wallet_get(organization_id=found.id)
        except OrganizationNotFound as error:
            raise CommandError(str(error)) from error
        except WalletNotFound as error:
            raise CommandError(f"{organization} has no wallet yet.") from error
        amounts = {
            "balance": wallet.balance_nanos,
            "held": wallet.held_nanos,
            "available": wallet.available_nanos,
            "granted": wallet.granted_nanos,
            "debt": wallet.debt_nanos,
        }
        shown = {"organization": found.slug, "status": wallet.status}
        self.stdout.write(json.dumps(shown | {name: nanos_to_usd(nanos) for name, nanos in amounts.items()}, indent=2))
