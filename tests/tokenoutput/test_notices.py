"""Change notices: heard at once, and nothing missed when the line was down."""

import contextlib

import anyio
import psycopg
import pytest
from django.db import connection

from tokenoutput.database import database_connect
from tokenoutput.notices import CHANNELS, NoticeListener

pytestmark = pytest.mark.usefixtures("database")
ANNOUNCED = [(channel, "") for channel in CHANNELS]


class Heard:
    """What a listener passed on."""

    def __init__(self):
        self.notices: list[tuple[str, str]] = []

    def __call__(self, channel, payload):
        self.notices.append((channel, payload))
        if payload == "bad":
            raise ValueError("cannot take this")

    async def until(self, notice, *, times=1):
        with anyio.fail_after(20):
            while self.notices.count(notice) < times:  # noqa: ASYNC110 -- another connection's doing
                await anyio.sleep(0.01)


@contextlib.asynccontextmanager
async def listening():
    """A listener that has announced every channel once."""
    heard = Heard()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(NoticeListener(heard).run)
        await heard.until(ANNOUNCED[-1])
        yield heard
        tasks.cancel_scope.cancel()


async def notify(channel, payload):
    async with database_connect(timeout_seconds=5) as one:
        await one.execute("SELECT pg_notify(%s, %s)", [channel, payload])


async def test_a_notice_is_passed_on_with_its_payload():
    async with listening() as heard:
        assert heard.notices[: len(ANNOUNCED)] == ANNOUNCED
        await notify("wallet", "17")
        await heard.until(("wallet", "17"))


async def test_after_a_lost_connection_every_channel_counts_as_changed():
    async with listening() as heard:
        async with database_connect(timeout_seconds=5) as one:
            cursor = await one.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND query LIKE 'LISTEN%' AND pid <> pg_backend_pid()"
            )
            assert cursor.rowcount >= 1
        await heard.until(ANNOUNCED[-1], times=2)
        await notify("catalog", "again")
        await heard.until(("catalog", "again"))


async def test_cancelled_on_a_busy_loop_it_leaves_no_connection_behind(monkeypatch):
    # As if the loop had just been busy: psycopg then lets it turn before it answers, also within a clean-up.
    monkeypatch.setattr("psycopg.waiting.MAX_BUSY_TIME", 0.0)
    opened = []
    connect = psycopg.AsyncConnection.connect

    async def remembered(**parameters):
        opened.append(await connect(**parameters))
        return opened[-1]

    monkeypatch.setattr("tokenoutput.database.AsyncConnection.connect", remembered)
    async with listening():
        pass
    assert [one.closed for one in opened] == [True]


async def test_a_notice_that_cannot_be_taken_does_not_end_the_listening():
    async with listening() as heard:
        await notify("api_key", "bad")
        await notify("api_key", "good")
        await heard.until(("api_key", "good"))


async def test_a_database_that_is_away_is_tried_again(monkeypatch):
    heard = Heard()
    where = connection.settings_dict
    with contextlib.ExitStack() as away:
        patch = away.enter_context(monkeypatch.context())
        patch.setitem(where, "HOST", "/nowhere")
        with pytest.raises(psycopg.OperationalError):
            async with database_connect(timeout_seconds=1):
                pass
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(NoticeListener(heard).run)
            await anyio.sleep(0.1)
            assert heard.notices == []
            away.close()
            await heard.until(ANNOUNCED[-1])
            tasks.cancel_scope.cancel()
