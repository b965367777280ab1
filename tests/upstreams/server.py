"""A scripted upstream on a real socket: each model name it is asked for plays its own script, byte for byte."""

import asyncio
import json
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

Script = Callable[["Exchange"], Awaitable[None]]
WAIT_SECONDS = 10.0


class HungUp(Exception):
    """The other side closed the connection."""


@dataclass
class Request:
    """What the upstream was sent."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


class Gate:
    """A place in a script where the upstream waits for the test, and the test can wait for the upstream."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._opened = threading.Event()

    def wait_reached(self) -> None:
        assert self._reached.wait(WAIT_SECONDS), "the upstream never came to this gate"

    def open(self) -> None:
        self._opened.set()

    async def passed(self) -> None:
        self._reached.set()
        while not self._opened.is_set():  # noqa: ASYNC110 -- the test that opens it is in another thread
            await asyncio.sleep(0.002)


@dataclass
class Exchange:
    """One request and the connection to answer it on."""

    request: Request
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sent: bytes = b""
    hung_up: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None

    async def send(self, data: bytes) -> None:
        """Write raw bytes and wait until the other side takes them."""
        try:
            self.writer.write(data)
            await self.writer.drain()
        except OSError as error:
            raise HungUp from error
        self.sent += data

    async def closed(self) -> None:
        """Return when the other side hangs up."""
        with suppress(ConnectionResetError):  # A client that was killed resets.
            while await self.reader.read(65536):
                pass
        self.hung_up.set()

    async def until_closed(self, work: Awaitable[None]) -> None:
        """Do `work`, and stop it with `HungUp` as soon as the other side hangs up."""
        working, closing = asyncio.ensure_future(work), asyncio.ensure_future(self.closed())
        done, pending = await asyncio.wait((working, closing), return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        if working not in done:
            raise HungUp
        working.result()

    def reset(self) -> None:
        """Break the connection with a RST."""
        connection: socket.socket = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class Upstream:
    """Runs in a thread of its own. `on` says what a model answers: one script a request, the last one for ever."""

    def __init__(self) -> None:
        self._scripts: dict[str, list[Script]] = {}
        self._lock = threading.Lock()
        self.exchanges: dict[str, list[Exchange]] = defaultdict(list)
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upstream", daemon=True)
        self.connections = 0
        self.port = 0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def on(self, model: str, *scripts: Script) -> None:
        with self._lock:
            self._scripts[model] = list(scripts)

    def requests(self, model: str) -> list[Request]:
        return [exchange.request for exchange in self.exchanges[model]]

    def last(self, model: str) -> Exchange:
        return self.exchanges[model][-1]

    def start(self) -> "Upstream":
        self._thread.start()
        assert self._started.wait(WAIT_SECONDS)
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(WAIT_SECONDS)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=1 << 20)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while (request := await _request_read(reader)) is not None:
                if not await self._answer(Exchange(request, reader, writer)):
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, exchange: Exchange) -> bool:
        """Play the script; whether the connection may be used again."""
        model = str(exchange.request.json.get("model")) if exchange.request.body else ""
        with self._lock:
            scripts = self._scripts[model]
            script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        self.exchanges[model].append(exchange)
        try:
            await script(exchange)
        except HungUp:
            exchange.hung_up.set()
            return False
        except OSError as error:
            exchange.error = error
            return False
        finally:
            exchange.finished.set()
        return not exchange.writer.is_closing()


async def _request_read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    lines = head.decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ", 2)
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:] if line)]
    length = int(dict(headers).get("content-length", "0"))
    return Request(method, target, headers, await reader.readexactly(length))
