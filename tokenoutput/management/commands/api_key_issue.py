"""Make an API key for an organisation and print it, for operators."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from accounts.errors import AccountsError
from accounts.selectors import organization_by_slug_or_name
from accounts.services import api_key_create

EXPIRES_DAYS_MAX = 3650


class Command(BaseCommand):
    """`manage.py api_key_issue ORGANIZATION NAME [--expires-days DAYS]`: the key alone on standard output."""

    help = "Make an API key and print only it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("organization", help="Slug or exact name.")
        parser.add_argument("name", help="What the key is for.")
        parser.add_argument("--expires-days", type=int, help="Days until it expires; never, if not given.")

    def handle(self, *_: Any, organization: str, name: str, expires_days: int | None = None, **options: Any) -> None:
        if expires_days is not None and not 1 <= expires_days <= EXPIRES_DAYS_MAX:
            raise CommandError(f"--expires-days: from 1 to {EXPIRES_DAYS_MAX}.")
        expires_at = None if expires_days is None else timezone.now() + timedelta(days=expires_days)
        try:
            with transaction.atomic():
                found = organization_by_slug_or_name(reference=organization)
                made = api_key_create(organization_id=found.id, name=name, expires_at=expires_at)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except AccountsError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(made.secret)
