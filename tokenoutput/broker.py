"""The embedded broker: kombu's folder of message files, made safe against reading a file that is half written."""

import contextlib
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any
from uuid import uuid4

from kombu.transport import filesystem
from kombu.utils.encoding import str_to_bytes
from kombu.utils.json import dumps, loads

DRAIN_SECONDS = 0.5


class Channel(filesystem.Channel):
    """A message appears and is taken by a rename, so always whole; the table of queues is kept under one lock."""

    def _put(self, queue: str, payload: Any, **_options: Any) -> None:  # type: ignore[override] # Its bases disagree.
        draft = Path(self.data_folder_out, f"{uuid4().hex}.draft")
        draft.write_bytes(str_to_bytes(dumps(payload)))
        # Names sort by time, the order in which they are taken.
        draft.rename(draft.with_name(f"{time.time_ns():020}_{uuid4().hex}.{queue}.msg"))

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        for waiting in sorted(Path(self.data_folder_in).glob(f"*.{queue}.msg")):
            taken = waiting.with_suffix(".taken")
            with contextlib.suppress(FileNotFoundError):  # Another worker was faster.
                waiting.rename(taken)
                payload = taken.read_bytes()
                taken.unlink()
                return loads(payload)
        raise Empty

    def _queue_bind(self, exchange: str, *binding: Any) -> None:
        with self._table_locked():
            super()._queue_bind(exchange, *binding)

    def get_table(self, exchange: str) -> list[Any]:
        with self._table_locked():
            return list(super().get_table(exchange))

    @contextlib.contextmanager
    def _table_locked(self) -> Iterator[None]:
        with Path(self.control_folder, "table.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class Transport(filesystem.Transport):
    """What the scheme of `embedded://` stands for."""

    Channel = Channel

    def drain_events(self, connection: Any, timeout: float | None = None, **options: Any) -> None:
        """Come back often: only between two calls does a worker notice that it should stop."""
        super().drain_events(connection, timeout=min(timeout or DRAIN_SECONDS, DRAIN_SECONDS), **options)
