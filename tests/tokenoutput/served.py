"""Our server in the test's own loop, with a gateway that does as the test says."""

import contextlib
import socket

import anyio
import httpx
from uvicorn import Config

from tokenoutput.addresses import port_free
from tokenoutput.asgi import Application
from tokenoutput.http_protocol import BoundedHttpProtocol
from tokenoutput.plain_answer import answer_send
from tokenoutput.serve import DrainingServer


class FakeGateway:
    """Ready; answers every path with its own name, and `/v1/slow` only when `release` is set."""

    def __init__(self):
        self.draining, self.ready = False, True
        self.release, self.entered = anyio.Event(), anyio.Event()
        self.notices: list[tuple[str, str]] = []
        self.stopped = False
        self._running = 0

    async def start(self):
        pass

    async def stop(self):
        self.stopped = True

    def notice(self, channel, payload):
        self.notices.append((channel, payload))

    def on_catalog_turned(self, tell):
        pass

    async def wait_idle(self, timeout_seconds):
        with anyio.move_on_after(timeout_seconds):
            while self._running:  # noqa: ASYNC110 -- a test's gateway, counted without an event
                await anyio.sleep(0.01)

    async def __call__(self, scope, receive, send):
        if self.draining:
            return await answer_send(send, 503, b"draining")
        self._running += 1
        try:
            self.entered.set()
            if scope["path"] == "/v1/slow":
                await self.release.wait()
            return await answer_send(send, 200, scope["path"].encode())
        finally:
            self._running -= 1


class Served:
    def __init__(self, server: DrainingServer, gateway: FakeGateway, port: int) -> None:
        self.server, self.gateway, self.port = server, gateway, port
        self.url = f"http://127.0.0.1:{port}"
        self.ended = anyio.Event()

    async def run(self):
        try:
            await self.server.serve()
        finally:
            self.ended.set()

    async def started(self):
        while not self.server.started:  # noqa: ASYNC110 -- uvicorn has only this flag
            await anyio.sleep(0.01)

    async def raw(self, sent: bytes) -> bytes:
        """What comes back for these bytes, until the server closes."""
        async with await anyio.connect_tcp("127.0.0.1", self.port) as stream:
            with contextlib.suppress(anyio.BrokenResourceError):
                await stream.send(sent)
            received = b""
            with contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError), anyio.fail_after(15):
                while True:
                    received += await stream.receive()
            return received


@contextlib.asynccontextmanager
async def serving(*, drain_seconds=5.0, site=None, http=BoundedHttpProtocol):
    """A server that has started; stopped at once on leaving, if the test did not stop it."""

    async def plain_site(scope, receive, send):
        body = await receive()
        await answer_send(send, 200, b"site %d" % len(body.get("body", b"")))

    gateway, port = FakeGateway(), port_free()
    app = Application(gateway=gateway, site=site or plain_site)
    config = Config(
        app,
        host="127.0.0.1", port=port, http=http, lifespan="on", log_config=None, server_header=False,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    served = Served(DrainingServer(config, app=app, drain_seconds=drain_seconds), gateway, port)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(served.run)
        with anyio.fail_after(20):
            await served.started()
        yield served
        served.server.should_exit = served.server.force_exit = True
        gateway.release.set()
        with anyio.fail_after(20):
            await served.ended.wait()


def client_of(served: Served) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=served.url, timeout=15)


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
