"""A bare connection to the database of the settings, beside Django's own: for listening and for probes."""

from typing import Any

from django.conf import settings
from psycopg import AsyncConnection

# A peer that vanished without a word is noticed within half a minute.
_KEEPALIVE = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3}


async def database_connect(*, timeout_seconds: int) -> AsyncConnection[Any]:
    """Connect in autocommit; raises psycopg.OperationalError."""
    where: dict[str, Any] = settings.DATABASES["default"]
    names = {"HOST": "host", "PORT": "port", "NAME": "dbname", "USER": "user", "PASSWORD": "password"}
    parameters: dict[str, Any] = {parameter: where[name] for name, parameter in names.items() if where.get(name)}
    options = {name: value for name, value in where.get("OPTIONS", {}).items() if name.startswith("ssl")}
    parameters |= _KEEPALIVE | options | {"connect_timeout": timeout_seconds}
    return await AsyncConnection.connect(**parameters, autocommit=True)
