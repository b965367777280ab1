#!/usr/bin/env python
"""Django's command line. Without DATABASE_URL each command finds, or starts, the embedded database."""

import contextlib
import os
import sys

# Commands that need no database, and `up`, which starts it itself and says so.
WITHOUT_DATABASE = {
    *("up", "help", "check", "collectstatic", "makemessages", "compilemessages", "diffsettings"),
    *("sqlmigrate", "version", "--help", "-h", "--version"),
}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tokenoutput.settings")
    from django.conf import settings  # noqa: PLC0415 -- Django reads the environment set above
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415 -- as above
    from django.core.management import execute_from_command_line  # noqa: PLC0415 -- as above

    from tokenoutput.embedded import EmbeddedDatabaseError, database_running  # noqa: PLC0415 -- as above

    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    with contextlib.ExitStack() as stack:
        try:
            if settings.EMBEDDED and command not in WITHOUT_DATABASE:
                stack.enter_context(database_running(settings.DATA_DIR))
        except (ImproperlyConfigured, EmbeddedDatabaseError) as error:
            sys.exit(f"{command}: {error}")
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
