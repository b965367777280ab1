"""One socket by itself: however it ends, nothing of it stays open."""

import anyio
import pytest

from tokenoutput.live.socket import Socket
from tokenoutput.live.topics import CATALOG


async def never():
    await anyio.sleep_forever()


async def broken(message):
    raise OSError("the browser is gone")


async def test_a_connection_that_breaks_while_it_is_told_leaves_nothing_open():
    socket = Socket(CATALOG)
    socket.put("catalog", {})
    with pytest.RaisesGroup(OSError):
        await socket.run(never, broken)
    socket.put("catalog", {})  # It is on its way out: nobody is told, and nobody minds.
    queue = socket._sending.statistics()
    assert (queue.open_send_streams, queue.open_receive_streams) == (0, 0)
