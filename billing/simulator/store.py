"""Where the simulator keeps its objects: one SQLite file, apart from our database, as Stripe is apart from us."""

import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings

type Fields = dict[str, Any]

WAIT_SECONDS = 20
_TABLES = """
CREATE TABLE IF NOT EXISTS object (number INTEGER PRIMARY KEY, id TEXT UNIQUE, kind TEXT, data TEXT);
CREATE TABLE IF NOT EXISTS event (number INTEGER PRIMARY KEY, id TEXT, body TEXT, sent INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS answer (key TEXT PRIMARY KEY, asked TEXT, status INTEGER, body TEXT);
"""


class SimulatorRefused(Exception):
    """A simulation has no place where DEBUG is off."""


class Objects:
    """The objects, inside one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def new(self, kind: str, prefix: str, fields: Fields) -> Fields:
        """A new object with an id of its own."""
        head = {"id": f"{prefix}_sim{secrets.token_hex(10)}", "object": kind, "created": int(time.time())}
        made = head | {"livemode": False} | fields
        self._connection.execute(
            "INSERT INTO object (id, kind, data) VALUES (?, ?, ?)", (made["id"], kind, json.dumps(made))
        )
        return made

    def put(self, changed: Fields) -> Fields:
        self._connection.execute("UPDATE object SET data = ? WHERE id = ?", (json.dumps(changed), changed["id"]))
        return changed

    def find(self, kind: str, object_id: str) -> Fields | None:
        query = "SELECT data FROM object WHERE id = ? AND kind = ?"
        row = self._connection.execute(query, (object_id, kind)).fetchone()
        return json.loads(row[0]) if row else None

    def newest(self, kind: str, wanted: Callable[[Fields], bool] = lambda _: True) -> list[Fields]:
        """All of a kind, newest first."""
        rows = self._connection.execute("SELECT data FROM object WHERE kind = ? ORDER BY number DESC", (kind,))
        return [found for (data,) in rows if wanted(found := json.loads(data))]

    def say(self, event_type: str, subject: Fields, before: Fields | None = None) -> None:
        """Note an event that is to be sent, with the object as it is now."""
        data = {"object": subject} | ({"previous_attributes": before} if before else {})
        body = {
            "id": f"evt_sim{secrets.token_hex(10)}",
            "object": "event",
            "type": event_type,
            "created": int(time.time()),
            "livemode": False,
            "data": data,
        }
        self._connection.execute("INSERT INTO event (id, body) VALUES (?, ?)", (body["id"], json.dumps(body)))

    def unsent(self) -> list[tuple[int, str]]:
        """Events that nobody took yet, oldest first: number and body."""
        return self._connection.execute("SELECT number, body FROM event WHERE sent = 0 ORDER BY number").fetchall()

    def sent(self, number: int) -> None:
        self._connection.execute("UPDATE event SET sent = 1 WHERE number = ?", (number,))

    def answer_find(self, key: str) -> tuple[str, int, str] | None:
        """What was asked under this idempotency key, and what was answered."""
        query = "SELECT asked, status, body FROM answer WHERE key = ?"
        row: tuple[str, int, str] | None = self._connection.execute(query, (key,)).fetchone()
        return row

    def answer_keep(self, key: str, asked: str, status: int, body: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?)", (key, asked, status, body))


class Store:
    """The file. One transaction at a time, in whatever process."""

    def __init__(self, path: str) -> None:
        if not settings.DEBUG:
            raise SimulatorRefused("The Stripe simulator runs with DEBUG only.")
        self._path = path
        Path(path).parent.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def objects(self) -> Iterator[Objects]:
        """Everything in the block happens, or nothing."""
        with closing(sqlite3.connect(self._path, timeout=WAIT_SECONDS, isolation_level=None)) as connection:
            connection.executescript("PRAGMA synchronous = OFF;" + _TABLES)
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield Objects(connection)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
