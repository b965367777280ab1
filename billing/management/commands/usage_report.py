"""`manage.py usage_report`: what each provider did, day by day, to be held against its bill."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing.provider_report import provider_days_csv, provider_days_list, provider_days_make

DAYS_MAX = 366


class Command(BaseCommand):
    help = (
        "Print requests, tokens by kind, cost and charge per provider, model and day (UTC) as CSV, with how often "
        "usage was estimated or missing. Without --day: yesterday."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--day", type=date.fromisoformat, help="YYYY-MM-DD, the last day")
        parser.add_argument("--days", type=int, default=1, help="so many days up to it")

    def handle(self, *args: Any, day: date | None, days: int, **options: Any) -> None:
        if not 1 <= days <= DAYS_MAX:
            raise CommandError(f"--days: from 1 to {DAYS_MAX}.")
        last = day or datetime.now(UTC).date() - timedelta(days=1)
        # Days whose records have left the ledger keep the lines that were made of them.
        for back in range(days):
            provider_days_make(day=last - timedelta(days=back))
        lines = provider_days_list(first=last - timedelta(days=days - 1), last=last)
        provider_days_csv(lines, self.stdout)
