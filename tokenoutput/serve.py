"""The web process (`python -m tokenoutput.serve`): uvicorn, but SIGTERM lets live streams end before it stops."""

import contextlib
import socket
import sys
from types import FrameType

import anyio
import structlog
from django.conf import settings
from uvicorn import Config, Server

from billing.checks import PaymentsRefused, payments_check_at_start
from tokenoutput.addresses import AddressRefused, address_check
from tokenoutput.asgi import Application, Gateway, application
from tokenoutput.embedded import EmbeddedDatabaseError, database_running
from tokenoutput.http_protocol import BoundedHttpProtocol

log = structlog.get_logger(__name__)

# After the drain, what still runs is told to end and gets this long to write its last words.
LAST_WORDS_SECONDS = 2
KEEP_ALIVE_SECONDS = 75
# Sockets only tell: what a browser sends on one is at most a control frame. Small messages, many sockets: compression
# would cost more memory than it saves bytes.
SOCKET_BYTES_MAX = 4096


class DrainingServer(Server):
    """First signal: not ready, new work refused, live work goes on for `drain_seconds`. Second: stop at once."""

    def __init__(self, config: Config, *, app: Application, drain_seconds: float) -> None:
        super().__init__(config)
        self._live = app.live
        self._gateway: Gateway = app.gateway
        self._drain_seconds = drain_seconds
        self.failed = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._gateway.draining = True
        self.force_exit = self.should_exit
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        # A broken lifespan means a gateway without its pool or listener: let the supervisor start a whole process.
        if self.lifespan.error_occurred:
            self.failed = True
            return True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if not self.failed:
            await self._drain()
        await super().shutdown(sockets)

    async def _drain(self) -> None:
        """The listener stays open meanwhile, so that probes see 503 and clients an answer they can retry."""
        self._gateway.draining = True
        self._live.drain()
        log.info("draining", seconds=self._drain_seconds)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch_for_force, tasks.cancel_scope)
            await self._gateway.wait_idle(self._drain_seconds)
            tasks.cancel_scope.cancel()

    async def _watch_for_force(self, drain: anyio.CancelScope) -> None:
        while not self.force_exit:  # noqa: ASYNC110 -- a signal handler sets it
            await anyio.sleep(0.05)
        drain.cancel()


def server_make(app: Application) -> DrainingServer:
    """The server as the settings want it."""
    config = Config(
        app,
        host=settings.HOST,
        port=settings.PORT,
        loop="uvloop",
        http=BoundedHttpProtocol,
        lifespan="on",
        log_config=None,
        access_log=settings.ACCESS_LOG,
        server_header=False,
        proxy_headers=settings.BEHIND_PROXY,
        forwarded_allow_ips=settings.PROXY_ADDRESSES,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        ws_max_size=SOCKET_BYTES_MAX,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=LAST_WORDS_SECONDS,
    )
    return DrainingServer(config, app=app, drain_seconds=settings.DRAIN_SECONDS)


def main() -> None:
    with contextlib.ExitStack() as stack:
        try:
            address_check(host=settings.HOST, debug=settings.DEBUG)
            payments_check_at_start()
            if settings.EMBEDDED:
                stack.enter_context(database_running(settings.DATA_DIR))
        except (AddressRefused, EmbeddedDatabaseError, PaymentsRefused) as error:
            sys.exit(str(error))
        server = server_make(application)
        server.run()
    sys.exit(1 if server.failed else 0)


if __name__ == "__main__":
    main()
