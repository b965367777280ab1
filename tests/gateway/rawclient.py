"""A client that is only a socket: sends any bytes, reads what there is, hangs up either way."""

import json
import socket
import struct
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

WAIT_SECONDS = 10.0


class RawClient:
    """One connection. `received` is everything that came so far."""

    def __init__(self, url: str, *, receive_buffer_bytes: int | None = None) -> None:
        where = urlsplit(url)
        self._socket = socket.socket()
        if receive_buffer_bytes is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self._socket.settimeout(WAIT_SECONDS)
        self._socket.connect((where.hostname, where.port))
        self.received = b""

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def post(self, path: str, body: bytes | dict[str, Any], *, headers: dict[str, str]) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"POST {path} HTTP/1.1", "host: gateway", f"content-length: {len(data)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + data)

    def read_until(self, marker: bytes, *, times: int = 1) -> bytes:
        """Read on until `marker` has come so many times."""
        while self.received.count(marker) < times:
            part = self._socket.recv(65536)
            assert part, f"the connection ended before {marker!r}: {self.received[-300:]!r}"
            self.received += part
        return self.received

    def read_all(self) -> bytes:
        """Read to the end of the connection; a reset is an end too."""
        try:
            while part := self._socket.recv(65536):
                self.received += part
        except ConnectionResetError:
            pass
        return self.received

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer with a length."""
        head, _, _ = self.read_until(b"\r\n\r\n").partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = len(head) + 4 + int(headers.get("content-length", "0"))
        while len(self.received) < length:
            self.received += self._socket.recv(65536)
        return int(status.split()[1]), headers, self.received[len(head) + 4 : length]

    def close(self) -> None:
        """Hang up politely (FIN)."""
        self._socket.close()

    def reset(self) -> None:
        """Hang up rudely (RST)."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


def body_of(stream: bytes) -> bytes:
    """The body of a chunked answer, complete or not."""
    rest = stream.partition(b"\r\n\r\n")[2]
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    return body
