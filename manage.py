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
    from django.core.management import execute_from_command_line  # noqa: PLC0415 -- as above

    from tokenoutput.embedded import EmbeddedDatabaseError, database_running  # noqa: PLC0415 -- as above

    with contextlib.ExitStack() as stack:
        if settings.EMBEDDED and len(sys.argv) > 1 and sys.argv[1] not in WITHOUT_DATABASE:
            try:
                stack.enter_context(database_running(settings.DATA_DIR))
            except EmbeddedDatabaseError as error:
                sys.exit(str(error))
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
