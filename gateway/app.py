"""The gateway's door: plain ASGI for /v1, with its endpoint table, body limit, error boundary and drain."""

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import anyio
import structlog
from django.conf import settings

from gateway.body import body_read
from gateway.client import Client, Receive, Send
from gateway.counting import count_tokens
from gateway.endpoints import client_headers
from gateway.errors import GatewayError, Reason
from gateway.inside import INSIDE, Inside
from gateway.models_list import models_answer
from gateway.protocols import ClientProtocol
from gateway.relay import Call, relay
from gateway.request_id import request_id_make
from gateway.runtime import Runtime

log = structlog.get_logger(__name__)
Scope = Mapping[str, Any]
Headers = Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What answers a POST to one path, and in which protocol."""

    protocol: ClientProtocol
    handle: Callable[[Runtime, Call, Client], Awaitable[None]]


ENDPOINTS: Mapping[str, Endpoint] = {
    "/v1/chat/completions": Endpoint("openai_chat", relay),
    "/v1/responses": Endpoint("openai_responses", relay),
    "/v1/embeddings": Endpoint("openai_embeddings", relay),
    "/v1/messages": Endpoint("anthropic_messages", relay),
    "/v1/messages/count_tokens": Endpoint("anthropic_messages", count_tokens),
}
MODELS_PATH = "/v1/models"


class GatewayApp:
    """One a process: `start` before the first request, `stop` after the last; `draining` refuses new ones."""

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        self._runtime = Runtime({**settings.GATEWAY, **(config or {})})
        self._stack = AsyncExitStack()
        self._running = 0
        self._idle = anyio.Event()
        self.draining = False
        self.ready = False

    async def start(self) -> None:
        """Open pool, ledger and sockets, and load the catalog; call in the loop that will serve."""
        owned = await self._stack.enter_async_context(anyio.create_task_group())
        await owned.start(self._runtime.run)
        self._stack.callback(self._runtime.stop)
        self.ready = True

    async def stop(self) -> None:
        """Close everything; requests that still run are cut, and charged for what they had."""
        self.ready = False
        await self._stack.aclose()

    async def wait_idle(self, timeout_seconds: float) -> None:
        """Return when no request runs, or after the time."""
        with anyio.move_on_after(timeout_seconds):
            while self._running:
                self._idle = anyio.Event()
                await self._idle.wait()

    def on_catalog_turned(self, tell: Callable[[], None]) -> None:
        """Call this when the catalog is another without a notice: a price that was set for later is in force."""
        self._runtime.catalog_turned = tell

    def notice(self, channel: str, payload: str) -> None:
        """A change notice of the database."""
        self._runtime.notice(channel)

    def background(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` as a task of the process, for who asks the gateway from inside; only where it is `ready`."""
        self._runtime.background(work)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever happens inside, the client gets an answer of its own protocol."""
        inside: Inside | None = scope.get(INSIDE)
        started, request_id = time.perf_counter(), inside.request_id if inside else request_id_make()
        headers = dict(scope["headers"])
        client = Client(
            send,
            protocol=_protocol(scope["path"], headers),
            request_id=str(request_id),
            stall_seconds=self._runtime.config["client_stall_seconds"],
            keepalive_seconds=self._runtime.config["keepalive_seconds"],
        )
        self._running += 1
        try:
            await self._guarded(self._answer, scope, headers, receive, client, request_id)
        finally:
            self._running -= 1
            self._idle.set()
        log.info(
            "request",
            request_id=client.request_id,
            method=scope["method"],
            path=scope["path"][:200],
            status=client.status,
            gone=client.gone,
            ms=round((time.perf_counter() - started) * 1000, 1),
        )

    async def _guarded(self, work: Callable[..., Awaitable[None]], *arguments: Any) -> None:
        """Run a step of a request; its errors end the answer, and none of them leaves the gateway."""
        client = next(one for one in arguments if isinstance(one, Client))
        try:
            await work(*arguments)
        except GatewayError as error:
            await client.fail(error)
        except Exception:
            log.exception("request_failed", request_id=client.request_id)
            said = "Something went wrong on our side. Quote the request id to support."
            await client.fail(GatewayError(Reason.INTERNAL, said))

    async def _answer(self, scope: Scope, headers: Headers, receive: Receive, client: Client, request_id: UUID) -> None:
        path, method = scope["path"], scope["method"]
        if self.draining or not self.ready:
            message = "This server is restarting. Nothing was charged; try again."
            raise GatewayError(Reason.UNAVAILABLE, message, retry_after="1")
        if path == MODELS_PATH or path.startswith(MODELS_PATH + "/"):
            _require(method, "GET", "HEAD")
            return await models_answer(self._runtime, path[len(MODELS_PATH) + 1 :], scope, client)
        endpoint = ENDPOINTS.get(path)
        if endpoint is None:
            raise GatewayError(Reason.NOT_FOUND, f"There is no {path[:200]} here.")
        _require(method, "POST")
        inside: Inside | None = scope.get(INSIDE)
        hashed = inside.key_hash if inside else None
        party = await self._runtime.callers.authenticate(headers, scope.get("client"), hashed=hashed)
        body = await body_read(receive, headers, self._runtime.config)
        if body is None:
            return client.leave()
        said = client_headers(scope["headers"], scope.get("query_string", b""), endpoint.protocol)
        call = Call(request_id, party, endpoint.protocol, said, body)
        await self._run_owned(endpoint, call, client, receive)
        return None

    async def _run_owned(self, endpoint: Endpoint, call: Call, client: Client, receive: Receive) -> None:
        """Run the request as a task of the process and listen, meanwhile, for the client to hang up."""
        done = anyio.Event()

        async def owned() -> None:
            try:
                await self._guarded(endpoint.handle, self._runtime, call, client)
            finally:
                done.set()

        self._runtime.background(owned)
        # Whatever comes after the body is a disconnect: the client's, or the server's word that the answer is sent.
        await receive()
        client.leave()
        await done.wait()


def _require(method: str, *allowed: str) -> None:
    if method not in allowed:
        said = f"{method[:20]} is not allowed here; use {allowed[0]}."
        raise GatewayError(Reason.METHOD, said, allow=", ".join(allowed))


def _protocol(path: str, headers: Headers) -> ClientProtocol:
    """Whose words an answer uses: the endpoint's, and on shared paths those of the client's API version header."""
    if path.startswith("/v1/messages") or (b"anthropic-version" in headers and path not in ENDPOINTS):
        return "anthropic_messages"
    return ENDPOINTS[path].protocol if path in ENDPOINTS else "openai_chat"
