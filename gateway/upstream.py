"""The only provider sockets: one pooled HTTP client, addresses checked where the connection is made."""

import io
import ipaddress
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import anyio
from aiohttp.abc import AbstractResolver, ResolveResult

from catalog.addresses import address_is_public
from catalog.snapshot import Route

ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
ERROR_BYTES_MAX: Final = 256 * 1024
ERROR_SECONDS: Final = 5.0
KEEPALIVE_SECONDS: Final = 30
WHOLE_BODY_BYTES_MAX: Final = 256 * 1024


class UpstreamBroken(Exception):
    """No answer, or one that broke off: refused, reset, cut, too large."""


class UpstreamSlow(UpstreamBroken):
    """A time limit on connecting or reading ran out."""


class UpstreamAnswer:
    """Status and headers of an answer whose body is still to be read."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.content_type = response.content_type

    def header(self, name: str) -> str | None:
        """The value of a header, if it was sent."""
        return self._response.headers.get(name)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives; `UpstreamBroken` when the connection breaks before its end."""
        with _translated():
            async for chunk in self._response.content.iter_any():
                yield chunk

    async def error_body(self) -> bytes:
        """As much of an error's body as comes soon and is worth reading; that it breaks off changes nothing."""
        parts, size = [], 0
        with anyio.move_on_after(ERROR_SECONDS), suppress(UpstreamBroken):
            async for chunk in self.chunks():
                parts.append(chunk)
                size += len(chunk)
                if size >= ERROR_BYTES_MAX:
                    break
        return b"".join(parts)[:ERROR_BYTES_MAX]

    async def body(self, bytes_max: int = ANSWER_BYTES_MAX) -> bytes:
        """The whole body; `UpstreamBroken` when it is longer than `bytes_max` or does not end."""
        parts, size = [], 0
        async for chunk in self.chunks():
            size += len(chunk)
            if size > bytes_max:
                raise UpstreamBroken(f"the answer is longer than {bytes_max} bytes")
            parts.append(chunk)
        return b"".join(parts)


class Upstreams:
    """The connection pool of a process. Redirects, cookies and proxy variables are not followed."""

    def __init__(self, *, allow_private: bool, drains_max: int) -> None:
        self._allow_private = allow_private
        self._drains_max = drains_max
        self._draining: set[object] = set()
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the pool; call inside the running loop."""
        resolver = None if self._allow_private else _PublicResolver()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, resolver=resolver, ttl_dns_cache=60, keepalive_timeout=KEEPALIVE_SECONDS
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            skip_auto_headers={"User-Agent", "Accept", "Accept-Encoding"},
        )

    async def stop(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    def drain_begin(self, who: object) -> bool:
        """Whether one more answer may be read to its end that no client waits for."""
        if len(self._draining) >= self._drains_max and who not in self._draining:
            return False
        self._draining.add(who)
        return True

    def drain_end(self, who: object) -> None:
        """It is read, or never was."""
        self._draining.discard(who)

    @asynccontextmanager
    async def post(
        self, route: Route, path: str, body: bytes, headers: Mapping[str, str]
    ) -> AsyncIterator[UpstreamAnswer]:
        """Send a request; leaving the block releases the connection, or closes it where the body was not read."""
        if self._session is None:
            raise UpstreamBroken("the pool is not open")
        url = route.base_url + path
        if not self._allow_private:
            _refuse_private_literal(url)
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=route.provider.connect_seconds, sock_read=route.provider.idle_seconds
        )
        with _translated():
            async with self._session.post(
                url, data=_data_of(body), headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                yield UpstreamAnswer(response)


def _data_of(body: bytes) -> bytes | io.BytesIO:
    # A large body goes out piece by piece, so that other requests get their turns in between.
    return body if len(body) <= WHOLE_BODY_BYTES_MAX else io.BytesIO(body)


class _PublicResolver(AbstractResolver):
    """Resolves names to public addresses only, so that a name cannot change its mind after it was checked."""

    def __init__(self) -> None:
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        public = [one for one in await self._inner.resolve(host, port, family) if address_is_public(one["host"])]
        if not public:
            raise OSError("the provider's name resolves to no public address")
        return public

    async def close(self) -> None:
        await self._inner.close()


class _translated:  # noqa: N801 -- used as a statement, like contextlib.suppress
    """Turns the client library's errors into ours; anything else passes."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, TimeoutError):
            raise UpstreamSlow("it did not answer in time") from error
        if isinstance(error, (aiohttp.ClientError, OSError)):
            raise UpstreamBroken(type(error).__name__) from error


def _refuse_private_literal(url: str) -> None:
    # A literal address never reaches the resolver.
    host = urlsplit(url).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return
    if not address_is_public(host):
        raise UpstreamBroken("the provider's address is not public")
