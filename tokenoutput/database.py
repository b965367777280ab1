"""A bare connection to the database of the settings, beside Django's own: for listening and for probes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from django.conf import settings
from psycopg import AsyncConnection

# A peer that vanished without a word is noticed within half a minute.
_KEEPALIVE = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3}


@asynccontextmanager
async def database_connect(*, timeout_seconds: int) -> AsyncIterator[AsyncConnection[Any]]:
    """Connect in autocommit, and close at the end; raises psycopg.OperationalError.

    Not the connection's own context: that ends with a rollback, which on a busy loop gives way to it first. Whoever is
    cancelled there never comes to the close.
    """
    where: dict[str, Any] = settings.DATABASES["default"]
    names = {"HOST": "host", "PORT": "port", "NAME": "dbname", "USER": "user", "PASSWORD": "password"}
    parameters: dict[str, Any] = {parameter: where[name] for name, parameter in names.items() if where.get(name)}
    options = {name: value for name, value in where.get("OPTIONS", {}).items() if name.startswith("ssl")}
    parameters |= _KEEPALIVE | options | {"connect_timeout": timeout_seconds}
    connection = await AsyncConnection.connect(**parameters, autocommit=True)
    try:
        yield connection
    finally:
        await connection.close()  # Waits for nothing, so nothing can cut it.
