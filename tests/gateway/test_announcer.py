"""What the announcer keeps while the database is away: refusals, each organisation's first, and no end of them."""

from contextlib import asynccontextmanager
from typing import Any

import anyio
import psycopg
import pytest
from psycopg_pool import PoolTimeout

from billing.refusals import Short
from gateway.announcer import Announcer


class Database:
    """A pool whose statements fail as the script says, in turn, and then work."""

    def __init__(self, *, notify=(), note=(), meanwhile=lambda: None):
        self.failures = {"notify": list(notify), "note": list(note)}
        self.meanwhile = meanwhile
        self.noted: list[Any] = []
        self.heard = anyio.Event()

    @asynccontextmanager
    async def connection(self):
        yield self

    async def execute(self, query, arguments):
        name = "notify" if "pg_notify" in query else "note"
        if self.failures[name]:
            self.meanwhile()
            raise self.failures[name].pop()
        if name == "note":
            self.noted.append(arguments)
            self.heard.set()


async def noted_by(announcer, database):
    """What is noted in the end."""
    announcer._pool = database
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(announcer.run)
            await database.heard.wait()
            tasks.cancel_scope.cancel()
    return database.noted


@pytest.fixture
def announcer():
    """One that has noted nothing yet, but seen a refusal."""
    made = Announcer(None, pause_seconds=0)  # type: ignore[arg-type]  # Its pool comes with the test.
    made.refused(1, Short(30, 20))
    return made


async def test_a_notice_that_fails_takes_no_refusal_with_it(announcer):
    announcer.moved(7)
    assert await noted_by(announcer, Database(notify=[psycopg.OperationalError()])) == [([1], [30], [20])]


@pytest.mark.parametrize("error", [PoolTimeout(), psycopg.InterfaceError(), OSError()])
async def test_a_refusal_is_kept_until_it_is_noted(announcer, error, monkeypatch):
    monkeypatch.setattr("gateway.announcer.REFUSALS_KEPT_MAX", 2)

    def meanwhile():
        announcer.refused(1, Short(99, 9))  # The first one's figures are those that are told.
        announcer.refused(2, Short(5, 4))
        announcer.refused(3, Short(5, 4))  # No room.

    database = Database(note=[error, error], meanwhile=meanwhile)
    assert await noted_by(announcer, database) == [([1, 2], [30, 5], [20, 4])]


async def test_what_the_database_will_not_have_is_not_tried_for_ever(announcer):
    database = Database(note=[psycopg.DataError()], meanwhile=lambda: announcer.refused(2, Short(5, 4)))
    assert await noted_by(announcer, database) == [([2], [5], [4])]
