"""`manage.py database_grant [ROLE]`, after migrate and as the owner: what web and worker may do in the database."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from psycopg import sql

from billing import ledger

# Two of these at once would meet in PostgreSQL's own tables.
GRANT_LOCK = 0x6C656467
ORDINARY = "SELECT, INSERT, UPDATE, DELETE"
# Tables of managed models whose rows are only added.
ADDED_TO = {"accounts_auditentry"}

# Tables, views and sequences that are the current user's; partitions are reached through their table.
_RELATIONS = """
    SELECT c.relname, c.relkind::text,
           (SELECT t.relname FROM pg_depend d JOIN pg_class t ON t.oid = d.refobjid
             WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') LIMIT 1)
      FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace AND pg_get_userbyid(c.relowner) = current_user
       AND c.relkind IN ('r', 'p', 'v', 'S') AND NOT c.relispartition"""
# A SECURITY DEFINER function is a public door of the ledger; the others are its inside.
_FUNCTIONS = """
    SELECT p.oid::regprocedure::text, p.prosecdef FROM pg_proc p
     WHERE p.pronamespace = 'public'::regnamespace AND pg_get_userbyid(p.proowner) = current_user"""


class Command(BaseCommand):
    help = (
        "Give the application's database role its rights: rows of ordinary tables, reading only on money tables, and "
        "the money functions. Makes the usage partitions of the coming days too. Run after migrate, as the owner."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role", nargs="?", default=settings.DATABASE_APPLICATION_ROLE)

    @transaction.atomic
    def handle(self, *args: Any, role: str, **options: Any) -> None:
        ledger.usage_partitions_prepare()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [GRANT_LOCK])
            cursor.execute("SELECT current_user, EXISTS (SELECT 1 FROM pg_roles WHERE rolname = %s)", [role])
            owner, exists = cursor.fetchone()
            if not exists:
                raise CommandError(f"There is no database role {role}.")
            if role == owner:
                # Taking back from the owner what it has would lock the money functions out of their own tables.
                self.stdout.write(f"{role} owns the tables: nothing to grant.")
                return
            _grant(cursor, role)
        self.stdout.write(f"{role} may use the application's tables and the money functions.")


def _grant(cursor: Any, role: str) -> None:
    # What is no table of a managed model may only be read: a new money table is closed until someone opens it.
    ordinary = set(connection.introspection.django_table_names(only_existing=True, include_views=False))
    to_role = sql.Identifier(role)
    cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(to_role))
    cursor.execute(_RELATIONS)
    for name, kind, owned_by in cursor.fetchall():
        if kind == "S":
            what, rights = "SEQUENCE", "USAGE, SELECT" if owned_by in ordinary else "SELECT"
        else:
            what, rights = "TABLE", ORDINARY if name in ordinary - ADDED_TO else "SELECT"
            rights = "SELECT, INSERT" if name in ADDED_TO else rights
        _set(cursor, rights, sql.SQL(what) + sql.SQL(" ") + sql.Identifier(name), to_role)
    cursor.execute(_FUNCTIONS)
    for signature, is_door in cursor.fetchall():
        # PostgreSQL wrote the signature itself, quoted where need be.
        _set(cursor, "EXECUTE" if is_door else "", sql.SQL("FUNCTION ") + sql.SQL(signature), to_role)


def _set(cursor: Any, rights: str, what: sql.Composed, role: sql.Identifier) -> None:
    cursor.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(what, role))
    if rights:
        cursor.execute(sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(rights), what, role))
