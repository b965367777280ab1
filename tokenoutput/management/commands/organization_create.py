"""Make an organisation with its owner, wallet and credit, for operators."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.errors import AccountsError
from accounts.names import name_clean
from accounts.selectors import organization_name_taken, user_by_email
from accounts.services import organization_create, user_create
from billing.ledger import wallet_credit, wallet_open
from catalog.money import nanos_to_usd, usd_to_nanos


class Command(BaseCommand):
    """`manage.py organization_create NAME --email EMAIL [--credit USD]`."""

    help = "Make an organisation, its wallet, its owner if there is no such user, and credit it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--email", required=True, help="The owner; made, already verified, if there is none.")
        parser.add_argument("--credit", default="0", metavar="USD", help="Granted credit, such as 25 or 0.50.")

    def handle(self, *_: Any, name: str, email: str, credit: str, **options: Any) -> None:
        try:
            lines = _create(name=name, email=email, credit_nanos=_credit_nanos(credit))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except AccountsError as error:
            raise CommandError(str(error)) from error
        self.stdout.write("\n".join(lines))


def _credit_nanos(credit: str) -> int:
    try:
        nanos = usd_to_nanos(credit)
    except ValueError as error:
        raise CommandError(f"--credit: {error}.") from error
    if nanos < 0:
        raise CommandError("--credit: the amount may not be negative.")
    return nanos


@transaction.atomic
def _create(*, name: str, email: str, credit_nanos: int) -> list[str]:
    """All of it or nothing; what was done, one line each."""
    name = name_clean(name, what="organisation")
    if organization_name_taken(name=name):
        raise CommandError(f"There is already an organisation named {name!r}.")
    lines = []
    user = user_by_email(email=email)
    if user is None:
        user = user_create(email=email, password=None, verified=True)
        lines.append(f"Made the user {user.email}; a password reset by e-mail is the way in.")
    organization = organization_create(name=name, owner=user)
    wallet_open(organization_id=organization.id)
    lines.append(f"Made the organisation {organization.slug} ({organization.name}), owned by {user.email}.")
    if credit_nanos:
        key = f"organization_create:{organization.id}"
        wallet_credit(
            organization_id=organization.id,
            amount_nanos=credit_nanos,
            key=key,
            kind="promo",
            reason="Credit given when the organisation was made",
        )
        lines.append(f"Credited ${nanos_to_usd(credit_nanos)}.")
    return lines
