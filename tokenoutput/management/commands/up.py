"""`manage.py up`: the whole platform from one command, ready to be called, stopped by one Ctrl-C."""

import contextlib
import fcntl
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connections

from tokenoutput.addresses import AddressRefused, address_check, port_check, port_free
from tokenoutput.demo import demo_seed
from tokenoutput.embedded import EmbeddedDatabaseError, binaries, database_running
from tokenoutput.interrupts import interrupts_held
from tokenoutput.local_model import local_model_weights
from tokenoutput.quickstart import Quickstart, quickstart_load, quickstart_save, quickstart_text
from tokenoutput.readiness import NotReady, ready_wait
from tokenoutput.supervisor import Supervisor

DISK_BYTES_MIN = 300 * 1024 * 1024
READY_SECONDS = 60
# After the drain comes closing: together within 10 s in the embedded default.
KILL_SECONDS = settings.DRAIN_SECONDS + 4


class UpRefused(Exception):
    """It cannot start; the message is one line for a person."""


class Command(BaseCommand):
    """Start everything, and stop it all when one part ends or a signal comes."""

    help = "Starts database, model server, web, worker and schedule together; prints how to log in and call it."
    requires_system_checks = []

    def handle(self, *_arguments: Any, **_options: Any) -> None:
        """Run until stopped; exit code 0 after a signal, 1 with one line on stderr otherwise."""
        # Until the supervisor takes over both unwind alike; a background job of a shell starts with SIGINT ignored.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        refused = (UpRefused, AddressRefused, EmbeddedDatabaseError)
        try:
            with contextlib.ExitStack() as stack:
                self._run(stack)
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")
        except refused as error:
            sys.exit(f"up: {error}")
        except OSError as error:
            sys.exit(f"up: {error.filename or settings.DATA_DIR}: {error.strerror or error}.")

    def _run(self, stack: contextlib.ExitStack) -> None:
        stack.enter_context(_only_one(settings.DATA_DIR))
        _check_before_anything_starts()
        self._say(f"Data in {settings.DATA_DIR}")
        if settings.EMBEDDED:
            self._step("Database", lambda: stack.enter_context(database_running(settings.DATA_DIR)))
        self._step("Tables", lambda: _manage("migrate", "--no-input"))
        self._step("Rights", lambda: _manage("database_grant"))
        if not settings.DEBUG:
            self._step("Static files", lambda: _manage("collectstatic", "--no-input"))
        model_port = port_free() if settings.DEBUG and local_model_weights() else None
        quickstart = None
        if settings.DEBUG:
            quickstart = self._step("Demo", lambda: _seed(model_port))
        _broker_empty(settings.CELERY_BROKER_DIR)
        self._supervise(model_port, quickstart)

    def _supervise(self, model_port: int | None, quickstart: Quickstart | None) -> None:
        announce = threading.Thread(target=self._announce, args=(model_port, quickstart), daemon=True)
        self._supervisor = Supervisor(kill_seconds=KILL_SECONDS, on_started=announce.start)
        for name, command in _commands(model_port).items():
            self._supervisor.add(name, [sys.executable, *command])
        self._say("Starting " + ", ".join(_commands(model_port)))
        self._supervisor.loop()
        if self._supervisor.failure:
            raise UpRefused(self._supervisor.failure)
        self._say("Stopped.")

    def _announce(self, model_port: int | None, quickstart: Quickstart | None) -> None:
        urls = [f"http://127.0.0.1:{model_port}/health"] if model_port else []
        host = f"[{settings.HOST}]" if ":" in settings.HOST else settings.HOST
        try:
            ready_wait([*urls, f"http://{host}:{settings.PORT}/readyz"], timeout_seconds=READY_SECONDS)
        except NotReady as error:
            self._supervisor.give_up(str(error))
            return
        text = f"TokenOutput is ready: {settings.SITE_URL}"
        if quickstart is not None:
            quickstart_save(settings.DATA_DIR, quickstart)
            text = quickstart_text(quickstart, settings.DATA_DIR)
        self._say(text)

    def _step[T](self, name: str, work: Callable[[], T]) -> T:
        started = time.monotonic()
        done = work()
        self._say(f"{name:<13}ready in {time.monotonic() - started:.1f} s")
        return done

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


@contextlib.contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """Held for as long as this process lives, however it ends."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data_dir / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UpRefused(f"Another `up` is already running with the data in {data_dir}.") from error
        yield


def _check_before_anything_starts() -> None:
    address_check(host=settings.HOST, debug=settings.DEBUG)
    port_check(host=settings.HOST, port=settings.PORT)
    free = shutil.disk_usage(settings.DATA_DIR).free
    if free < DISK_BYTES_MIN:
        need, have = DISK_BYTES_MIN // 2**20, free // 2**20
        raise UpRefused(f"The disk is full: {settings.DATA_DIR} has {have} MB free, {need} MB are needed.")
    if settings.EMBEDDED:
        binaries()


def _manage(*arguments: str) -> None:
    """A command of our own, in a process of its own: the owner's role is for it alone."""
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments, "-v", "0"]
    with contextlib.ExitStack() as running:
        with interrupts_held():
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603 -- our own command
            # It uses the database too: not before it is gone are we the last, who stops it.
            running.enter_context(process)
            running.callback(process.kill)
        said, _ = process.communicate()
    if process.returncode != 0:
        lines = said.strip().splitlines() or ["no message"]
        raise UpRefused(f"`manage.py {arguments[0]}` failed: {lines[-1]}")


def _seed(model_port: int | None) -> Quickstart:
    try:
        return demo_seed(known=quickstart_load(settings.DATA_DIR), base_url=settings.SITE_URL, model_port=model_port)
    finally:
        # The processes are forked from this one and must not share its connection.
        connections.close_all()


def _broker_empty(folder: Path) -> None:
    """Messages are hints about rows; those of an earlier run are of no use."""
    folder.mkdir(exist_ok=True, mode=0o700)
    for message in folder.iterdir():
        message.unlink()


def _commands(model_port: int | None) -> dict[str, list[str]]:
    celery = ["-m", "celery", "--quiet", "--app", "tokenoutput"]
    model = {"model": ["-m", "tokenoutput.local_model", "--port", str(model_port)]} if model_port else {}
    return model | {
        "web": ["-m", "tokenoutput.serve"],
        "worker": [*celery, "worker", "--loglevel", "INFO", "--without-gossip", "--without-mingle"],
        "beat": [*celery, "beat", "--loglevel", "INFO", "--pidfile", ""],
    }
