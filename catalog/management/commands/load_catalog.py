"""Operators' door to the catalog: make it say what a YAML file says."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.catalog_file import file_read
from catalog.services import NOTE, CatalogInvalid, catalog_load


class Command(BaseCommand):
    help = "Load providers, models, prices and routes from a YAML file; docs/catalog.example.yaml shows every key."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.yaml")
        parser.add_argument("--dry-run", action="store_true", help="Say what would change and change nothing.")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            lines = catalog_load(
                file_read(options["file"]),
                environment=settings.UPSTREAM_API_KEYS,
                dry_run=options["dry_run"],
            )
        except CatalogInvalid as invalid:
            count = f"{len(invalid.errors)} fault{'s' if len(invalid.errors) != 1 else ''}"
            raise CommandError("\n".join([f"Nothing was written: {count}.", *invalid.errors])) from None
        for line in lines:
            self.stdout.write(line)
        if all(line.startswith(NOTE) for line in lines):
            self.stdout.write("nothing changed")
        elif options["dry_run"]:
            self.stdout.write("dry run: nothing was written")
