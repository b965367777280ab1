"""Tells the web processes that something of an organisation changed, for the pages that follow it."""

from django.db import connection


def organization_changed(*, organization_id: int) -> None:
    """Call it inside the transaction of the change: the notice goes out when that commits, and not where it does not.

    It says whose change, never which: who hears it asks for the present state. NOTIFY takes a database-wide lock at
    commit, so this has no place where requests are held or charged.
    """
    with connection.cursor() as cursor:
        notice = "SELECT pg_notify('organization', json_build_object('organization_id', %s::bigint)::text)"
        cursor.execute(notice, [organization_id])
