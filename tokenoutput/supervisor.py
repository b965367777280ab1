"""Runs the processes of the embedded default together: one prefixed log, one end for all, no orphans."""

import contextlib
import ctypes
import os
import queue
import signal
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from honcho.manager import Manager
from honcho.process import Popen, Process

PR_SET_PDEATHSIG = 1
# How long the relay of a process that ended may take to end too.
RELAY_SECONDS = 2


class Supervisor(Manager):  # type: ignore[misc] # honcho has no types
    """honcho's manager with rules of our own.

    One signal stops everything in order and is a success; a process that ends by itself stops the rest and is a
    failure; what still lives after `kill_seconds` is killed; and a killed supervisor takes its processes along.
    """

    def __init__(self, *, kill_seconds: float, on_started: Callable[[], None]) -> None:
        super().__init__()
        self._kill_seconds = kill_seconds
        self._on_started = on_started
        self._asked_to_stop = False
        self.failure = ""
        self._process_ctor = _BoundProcess

    def add(self, name: str, command: Sequence[str]) -> None:
        """Have `command` run under `name` once `loop` is called."""
        self.add_process(name, list(command))

    def loop(self) -> None:
        """Run everything until everything has ended; `returncode` is then what the command should exit with."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop_asked)
        self._start()
        self._on_started()
        try:
            self._watch()
        finally:
            # Also when our own output broke: nothing may be left running.
            self.kill()
            for one in self._processes.values():
                one["process"].join(RELAY_SECONDS)
                one["process"].kill()

    def give_up(self, reason: str) -> None:
        """Stop everything, as a failure. May be called from another thread."""
        self.failure = self.failure or reason

    def _stop_asked(self, *_signal: Any) -> None:
        self._asked_to_stop = True

    def _watch(self) -> None:
        kill_at: float | None = None
        while not self._all_stopped():
            self._take_event()
            if kill_at is None and self._all_started() and (self._asked_to_stop or self.failure):
                kill_at = time.monotonic() + self._kill_seconds
                self._system_print(f"stopping, for at most {self._kill_seconds:.0f} s")
                self.terminate()
            if kill_at is not None and time.monotonic() > kill_at:
                self.kill()
                kill_at = float("inf")
        self.returncode = 1 if self.failure else 0

    def _take_event(self) -> None:
        try:
            event = self.events.get(timeout=0.1)
        except queue.Empty:
            return self._find_lost()
        one = self._processes[event.name]
        if event.type == "line":
            self._printer.write(event)
        elif event.type == "start":
            one["pid"] = event.data["pid"]
        else:
            self._ended(event.name, event.data["returncode"])
        return None

    def _find_lost(self) -> None:
        """A relay that was killed from outside says nothing more; its process follows it, see `_die_with`."""
        for name, one in self._processes.items():
            if "returncode" not in one and not one["process"].is_alive():
                one.setdefault("pid", 0)
                self._ended(name, -signal.SIGKILL)

    def _ended(self, name: str, returncode: int) -> None:
        self._processes[name]["returncode"] = returncode
        how = f"exit code {returncode}" if returncode >= 0 else signal.Signals(-returncode).name
        self._system_print(f"{name} stopped ({how})")
        if not self._asked_to_stop:
            self.give_up(f"{name} stopped by itself ({how}), so everything was stopped: its log says why.")

    def terminate(self) -> None:
        """Ask every process to end: itself only, a group-wide signal would cut the worker's children off mid-task."""
        self._signal(os.kill, signal.SIGTERM)

    def kill(self) -> None:
        """End whatever still lives, children included."""
        self._signal(os.killpg, signal.SIGKILL)

    def _signal(self, send: Callable[[int, int], None], number: signal.Signals) -> None:
        for one in self._processes.values():
            if "returncode" not in one and one.get("pid"):
                with contextlib.suppress(ProcessLookupError):
                    send(one["pid"], number)


class _BoundProcess(Process):  # type: ignore[misc] # honcho has no types
    """A process, and the relay of its output, that end when their parent does, however it ends."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._supervisor = os.getpid()
        self._child_ctor = _popen

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:  # noqa: FBT001, FBT002 -- as honcho calls it
        _die_with(self._supervisor, signal.SIGKILL)
        super().run(events, ignore_signals)


def _popen(command: Sequence[str], **options: Any) -> Popen:
    bind = partial(_die_with, os.getpid(), signal.SIGTERM)
    return Popen(command, shell=False, preexec_fn=bind, **options)


def _die_with(parent: int, number: signal.Signals) -> None:
    """Have the kernel send this process `number` when its parent dies (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # It died before we asked.
            os.kill(os.getpid(), signal.SIGKILL)
