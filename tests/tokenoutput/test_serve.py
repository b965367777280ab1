"""The web process at its edges: who answers what, junk on the wire, and an end that cuts nobody off."""

import signal

import anyio
import httpx
import pytest

from tests.tokenoutput.served import client_of, is_listening, serving
from tokenoutput.http_protocol import HEAD_BYTES_MAX, BoundedHttpProtocol
from tokenoutput.site_body import SITE_BODY_BYTES_MAX, BodyRefused, site_body_read

pytestmark = pytest.mark.usefixtures("database")


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/v1", 200, "/v1"),
        ("/v1/anything", 200, "/v1/anything"),
        ("/v1x", 200, "site 0"),
        ("/", 200, "site 0"),
        ("/ws/", 404, "There is nothing here."),
        ("/ws/usage", 404, "There is nothing here."),
        ("/wsx", 200, "site 0"),
        ("/healthz", 200, '{"status":"ok"}'),
        ("/readyz", 200, '{"status":"ok"}'),
    ],
)
async def test_each_path_has_its_place(path, status, said):
    async with serving() as served, client_of(served) as client:
        answer = await client.get(path)
        assert (answer.status_code, answer.text) == (status, said)
        assert "server" not in answer.headers


async def test_a_websocket_is_refused_with_404():
    async with serving() as served:
        opening = (
            b"GET /ws/usage HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert (await served.raw(opening)).startswith(b"HTTP/1.1 404 ")


async def test_the_site_gets_bodies_up_to_its_limit():
    async with serving() as served, client_of(served) as client:
        assert (await client.post("/form", content=b"a" * SITE_BODY_BYTES_MAX)).text == f"site {SITE_BODY_BYTES_MAX}"
        assert (await client.post("/form", content=b"a" * (SITE_BODY_BYTES_MAX + 1))).status_code == 413


async def test_the_api_says_so_in_its_own_form():
    async with serving() as served, client_of(served) as client:
        answer = await client.post("/api/v1/keys", content=b"a" * (SITE_BODY_BYTES_MAX + 1))
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["metadata"]["reason"]) == (413, 413, "too_large")
        assert error["metadata"]["request_id"] == answer.headers["X-Request-Id"]


async def test_the_site_gets_no_endless_body():
    async def endless():
        return {"type": "http.request", "body": b"a" * 65536, "more_body": True}

    with pytest.raises(BodyRefused) as refused:
        await site_body_read({"headers": []}, endless)
    assert refused.value.status == 413


@pytest.mark.parametrize(
    "head",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nHost: x\r\nBad Name: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX : 1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * HEAD_BYTES_MAX + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(1000)) + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * (HEAD_BYTES_MAX * 4),  # Never ends.
        b"GET /" + b"a" * (HEAD_BYTES_MAX * 4),
    ],
    ids=lambda head: repr(head[:60]),
)
async def test_junk_in_the_head_is_400_and_the_end_of_the_connection(head):
    async with serving() as served:
        assert (await served.raw(head)).startswith(b"HTTP/1.1 400 ")
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{served.url}/healthz")).status_code == 200


async def test_a_head_that_never_comes_is_not_waited_for():
    class Impatient(BoundedHttpProtocol):
        head_seconds = 0.2

    async with serving(http=Impatient) as served:
        assert await served.raw(b"") == b""
        assert await served.raw(b"GET / HTTP/1.1\r\nHost: x\r\nX: ") == b""
        # A whole head, then half of the next one.
        answer = await served.raw(b"GET /v1/a HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/b HTTP/1.1\r\nX: ")
        assert answer.startswith(b"HTTP/1.1 200 ")
        # A body may take longer than a head.
        async with httpx.AsyncClient() as client:

            async def slow():
                yield b"a"
                await anyio.sleep(0.4)
                yield b"b"

            assert (await client.post(f"{served.url}/form", content=slow())).text == "site 2"


async def test_a_live_stream_ends_well_while_new_work_is_refused():
    async with serving() as served, client_of(served) as client:
        answers = []

        async def slow():
            answers.append(await client.get("/v1/slow"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(slow)
            await served.gateway.entered.wait()
            served.server.handle_exit(signal.SIGTERM, None)
            refused = await client.get("/v1/other")
            assert (refused.status_code, refused.text) == (503, "draining")
            # Also after the server has noticed: it listens for as long as the stream lives.
            for _ in range(20):
                async with client_of(served) as newcomer:
                    ready = await newcomer.get("/readyz")
                assert (ready.status_code, ready.json()["reasons"]) == (503, ["draining"])
                await anyio.sleep(0.02)
            assert (await client.get("/healthz")).status_code == 200
            served.gateway.release.set()
        assert answers[0].text == "/v1/slow"
        with anyio.fail_after(10):
            await served.ended.wait()
        assert served.gateway.stopped
        assert not is_listening(served.port)


async def test_the_drain_has_an_end():
    async with serving(drain_seconds=0.2) as served, client_of(served) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_expect_cut, client)
            await served.gateway.entered.wait()
            served.server.handle_exit(signal.SIGTERM, None)
            with anyio.fail_after(10):
                await served.ended.wait()
        assert served.gateway.stopped


async def test_a_second_signal_ends_the_drain_at_once():
    async with serving(drain_seconds=60) as served, client_of(served) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(_expect_cut, client)
        await served.gateway.entered.wait()
        served.server.handle_exit(signal.SIGTERM, None)
        served.server.handle_exit(signal.SIGTERM, None)
        with anyio.fail_after(10):
            await served.ended.wait()
        served.gateway.release.set()


async def _expect_cut(client: httpx.AsyncClient) -> None:
    try:
        answer = await client.get("/v1/slow")
    except httpx.HTTPError:
        return
    assert answer.status_code >= 500
