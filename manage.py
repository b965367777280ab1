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
    try:
        embedded = settings.EMBEDDED
    except (ImproperlyConfigured, ValueError) as error:
        sys.exit(f"{command}: the environment is not right: {error}")
    except OSError as error:
        sys.exit(f"{command}: {error.filename or 'the data folder'}: {error.strerror or error}.")
    with contextlib.ExitStack() as stack:
        if embedded and command not in WITHOUT_DATABASE:
            try:
                stack.enter_context(database_running(settings.DATA_DIR))
            except EmbeddedDatabaseError as error:
                sys.exit(f"{command}: {error}")
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
