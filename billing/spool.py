"""Finishes that the database could not take: kept on this machine's disk until it can, also over a restart."""

import errno
import fcntl
import os
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import anyio
import msgspec
import structlog
from anyio import to_thread

from billing.batches import LedgerUnavailable
from billing.fault_points import point
from billing.holds import FinishAnswer, FinishRequest

log = structlog.get_logger(__name__)
type Send = Callable[[FinishRequest], Awaitable[FinishAnswer]]

REPLAY_SECONDS = 2.0
# The disk has room while so much is free, and while a probe of some bytes can be written.
FREE_BYTES_MIN = 8 * 1024 * 1024
PROBE_BYTES = 4096
SENT_AT_ONCE = 200
_DONE = frozenset({"charged", "late", "duplicate"})


class SpoolFailed(Exception):
    """The disk did not take it: nothing is durable."""


@dataclass(slots=True, eq=False)
class _Entry:
    record: bytes
    written: bool = False
    error: OSError | None = None


class Spool:
    """Append-only files in one folder. Each is locked by the process that writes it, for as long as that lives.

    `append` returns when the finish is on the disk; several at once share one fsync. `run` sends what is there, of this
    process and of dead ones: by id, so that whatever was already charged is charged no second time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: BinaryIO | None = None
        self._own: set[Path] = set()
        self._pending: list[_Entry] = []
        self._writing = anyio.Lock()
        self.admits = True  # The disk takes more: else no request may begin that could come to need it.

    async def append(self, request: FinishRequest) -> None:
        """Make it durable; `SpoolFailed` when the disk does not take it."""
        body = msgspec.json.encode(request)
        entry = _Entry(b"%08x %b\n" % (zlib.crc32(body), body))
        self._pending.append(entry)
        point("spool.before_write")
        with anyio.CancelScope(shield=True):
            async with self._writing:
                if not entry.written and entry.error is None:
                    await self._write_pending()
        if entry.error is not None:
            raise SpoolFailed(str(entry.error)) from entry.error
        point("spool.after_write")

    async def run(self, send: Send) -> None:
        """Look every `REPLAY_SECONDS` whether the disk has room, and send what waits; until cancelled."""
        try:
            while True:
                await self.probe()
                try:
                    await self.replay(send)
                except OSError:
                    log.exception("spool_unreadable")
                await anyio.sleep(REPLAY_SECONDS)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the file: what is in it is for whoever comes next. A later `append` begins another."""
        if self._file is not None:
            _close(self._file)
            self._file = None

    async def probe(self) -> None:
        """Find out whether the disk would take more."""
        try:
            await to_thread.run_sync(_probe, self._folder)
        except OSError as error:
            if self.admits:
                log.critical("spool_full", error=str(error))
            self.admits = False
        else:
            self.admits = True

    async def replay(self, send: Send) -> int:
        """Send what waits on the disk; how many were taken. What cannot be sent now stays."""
        taken = 0
        for path in await to_thread.run_sync(_listed, self._folder):
            async with self._writing:
                file = await to_thread.run_sync(self._claimed, path)
            if file is None:
                continue
            with file:
                try:
                    taken += await self._replay_file(path, file, send)
                except LedgerUnavailable:
                    return taken
        return taken

    async def _write_pending(self) -> None:
        batch, self._pending = self._pending, []
        try:
            await to_thread.run_sync(self._write, b"".join(entry.record for entry in batch))
        except OSError as error:
            log.critical("spool_full", error=str(error))
            self.admits = False
            for entry in batch:
                entry.error = error
        else:
            for entry in batch:
                entry.written = True

    def _write(self, data: bytes) -> None:
        try:
            if self._file is None:
                self._file = self._made()
            _write_all(self._file, data)
            os.fsync(self._file.fileno())
        except OSError:
            # What a failed write left is unknown: nothing is ever written behind it.
            failed, self._file = self._file, None
            if failed is not None:
                _close(failed)
            raise

    def _made(self) -> BinaryIO:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{uuid4()}.new"
        file = path.open("xb", buffering=0)
        fcntl.flock(file, fcntl.LOCK_EX)
        path = path.rename(path.with_suffix(".spool"))  # Only now others see it, and it is locked.
        self._own.add(path)
        _fsync_folder(self._folder)
        return file

    def _claimed(self, path: Path) -> BinaryIO | None:
        """The file to read, locked; None while a living process writes it. Our own is closed first."""
        if path in self._own and self._file is not None:
            _close(self._file)
            self._file = None
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        self._own.discard(path)
        return file

    async def _replay_file(self, path: Path, file: BinaryIO, send: Send) -> int:
        requests, damaged = _read(await to_thread.run_sync(file.read))
        refused = 0
        for start in range(0, len(requests), SENT_AT_ONCE):
            refused += await _send_all(requests[start : start + SENT_AT_ONCE], send)
        point("spool.after_send")
        if damaged or refused:
            log.critical("spool_file_kept", file=path.name, damaged=damaged, refused=refused)
            await to_thread.run_sync(path.rename, path.with_suffix(".kept"))
        else:
            await to_thread.run_sync(lambda: path.unlink(missing_ok=True))
        if requests:
            log.warning("spool_replayed", finishes=len(requests))
        return len(requests)


async def _send_all(requests: Sequence[FinishRequest], send: Send) -> int:
    """How many the ledger refused; raises `LedgerUnavailable` where it could not be asked."""
    refused: list[str] = []
    unavailable: list[LedgerUnavailable] = []

    async def one(request: FinishRequest) -> None:
        try:
            answer = await send(request)
        except LedgerUnavailable as error:
            unavailable.append(error)
            return
        if answer.result not in _DONE and request.outcome != "void":
            log.critical("finish_refused", request_id=str(request.request_id), result=answer.result)
            refused.append(answer.result)

    async with anyio.create_task_group() as group:
        for request in requests:
            group.start_soon(one, request)
    if unavailable:
        raise unavailable[0]
    return len(refused)


def _read(data: bytes) -> tuple[list[FinishRequest], int]:
    """The finishes, and how many records are none. The last may be torn: nobody was told that it is durable."""
    requests, damaged = [], 0
    *lines, _torn = data.split(b"\n")
    for line in lines:
        checksum, _, body = line.partition(b" ")
        try:
            if int(checksum, 16) != zlib.crc32(body):
                raise ValueError("checksum")
            requests.append(msgspec.json.decode(body, type=FinishRequest))
        except (ValueError, msgspec.DecodeError):
            damaged += 1
    return requests, damaged


def _listed(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.spool")) if folder.is_dir() else []


def _probe(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    disk = os.statvfs(folder)
    if disk.f_bavail * disk.f_frsize < FREE_BYTES_MIN:
        raise OSError(errno.ENOSPC, "too little room is left")
    path = folder / f"{uuid4()}.probe"
    try:
        with path.open("xb", buffering=0) as file:
            _write_all(file, bytes(PROBE_BYTES))
            os.fsync(file.fileno())
    finally:
        path.unlink(missing_ok=True)


def _write_all(file: BinaryIO, data: bytes) -> None:
    if file.write(data) != len(data):
        raise OSError(errno.ENOSPC, "the disk took a part only")


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _close(file: BinaryIO) -> None:
    try:
        file.close()
    except OSError:
        log.exception("spool_not_closed")
