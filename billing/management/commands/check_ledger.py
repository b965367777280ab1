"""`manage.py check_ledger`: silent when the books hold, else every difference and exit code 1."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from billing import ledger


class Command(BaseCommand):
    help = "Check the books: silent when they hold, else one line for each difference and exit code 1."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the differences as a JSON array")

    def handle(self, *args: Any, **options: Any) -> None:
        violations = ledger.ledger_check()
        if options["json"]:
            self.stdout.write(json.dumps([asdict(violation) for violation in violations], indent=2))
        else:
            for violation in violations:
                self.stdout.write(f"{violation.rule}\t{violation.subject}\t{violation.difference}")
        if violations:
            sys.exit(1)
