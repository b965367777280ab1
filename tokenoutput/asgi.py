"""The web process's entry: lifespan, the gateway for /v1, probes, and Django for the rest."""

import json
import os
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Protocol

import anyio
from django.core.asgi import get_asgi_application

from tokenoutput import health
from tokenoutput.notices import NoticeListener
from tokenoutput.plain_answer import Receive, Send, answer_send
from tokenoutput.site_body import BodyRefused, site_body_read

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tokenoutput.settings")
_site = get_asgi_application()  # Sets Django up, which the gateway's modules need.

from gateway.app import GatewayApp  # noqa: E402 -- after the set-up above
from gateway.request_id import request_id_make  # noqa: E402 -- as before
from tokenoutput.api.errors import envelope  # noqa: E402 -- as before
from tokenoutput.live.door import RECHECK_SECONDS, Door  # noqa: E402 -- the same
from tokenoutput.live.hub import Hub  # noqa: E402 -- the same

type Scope = Mapping[str, Any]


class Gateway(Protocol):
    """The gateway, as the entry and the server see it."""

    draining: bool
    ready: bool

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def wait_idle(self, timeout_seconds: float) -> None: ...
    def notice(self, channel: str, payload: str) -> None: ...
    def on_catalog_turned(self, tell: Callable[[], None]) -> None: ...
    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None: ...


class Application:
    """Dispatches by hand: each kind of request goes where it costs least."""

    def __init__(
        self,
        *,
        gateway: Gateway,
        site: Callable[[Any, Any, Any], Awaitable[None]],
        recheck_seconds: float = RECHECK_SECONDS,
    ) -> None:
        self.gateway = gateway
        self._site = site
        self._health = health.Health(gateway)
        self.live = Hub()
        gateway.on_catalog_turned(partial(self.live.notice, "catalog", ""))
        self._door = Door(self.live, recheck_seconds=recheck_seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._lifespan(receive, send)
        if scope["type"] == "websocket":
            return await self._door(scope, receive, send)
        path = scope["path"]
        if path.startswith("/v1/") or path == "/v1":
            return await self.gateway(scope, receive, send)
        if path in health.PATHS:
            return await self._health(scope, send)
        if path.startswith("/ws/") or path == "/ws":
            return await answer_send(send, 404, b"There is nothing here.")
        return await self._site_answer(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        """The gateway and the listener live between start-up and shutdown, in this one task."""
        await receive()
        await self.gateway.start()
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.live.run)
                tasks.start_soon(NoticeListener(self._notice).run)
                await send({"type": "lifespan.startup.complete"})
                await receive()
                tasks.cancel_scope.cancel()
        finally:
            await self.gateway.stop()
        await send({"type": "lifespan.shutdown.complete"})

    def _notice(self, channel: str, payload: str) -> None:
        self.gateway.notice(channel, payload)
        self.live.notice(channel, payload)

    async def _site_answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            receive = await site_body_read(scope, receive)
        except BodyRefused as refused:
            closing = [(b"connection", b"close")]
            if scope["path"].startswith("/api/v1/"):
                return await _api_refuse(send, refused, closing)
            return await answer_send(send, refused.status, str(refused).encode(), headers=closing)
        # The quickstart runs a newcomer's first request through the gateway of this process.
        return await self._site({**scope, "tokenoutput.gateway": self.gateway}, receive, send)


async def _api_refuse(send: Send, refused: BodyRefused, headers: list[tuple[bytes, bytes]]) -> None:
    """In the one form of the management API's errors, which has not seen this request."""
    request_id = str(request_id_make())
    reason = "too_large" if refused.status == 413 else "too_slow"
    body = json.dumps(envelope(refused.status, str(refused), reason=reason, request_id=request_id)).encode()
    named = [*headers, (b"x-request-id", request_id.encode())]
    await answer_send(send, refused.status, body, content_type=b"application/json", headers=named)


application = Application(gateway=GatewayApp(), site=_site)
