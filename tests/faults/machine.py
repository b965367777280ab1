"""A whole platform of real processes: PostgreSQL with fsync on, web, worker and schedule, each to kill or stop."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, connections
from django.db.utils import DatabaseError

from billing.ledger import ledger_check, usage_settle
from tests.gateway.platform import Customer, SoldModel, customer_make, model_make
from tests.gateway.rawclient import RawClient
from tests.upstreams.server import Script, Upstream
from tokenoutput.addresses import port_free
from tokenoutput.embedded import DATABASE, OWNER, database_running
from tokenoutput.embedded_paths import cluster_dir, socket_dir
from tokenoutput.local_secrets import local_secrets
from tokenoutput.readiness import ready_wait

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 60
DEADLINE_SECONDS = 40
# Short, so that what a dead gateway held is free within seconds; a third of the lease is one renewal.
SHORT = {"LEASE_SECONDS": "3", "HOLD_SECONDS": "6", "REAP_GRACE_SECONDS": "1.5", "REAP_SECONDS": "1"}
# Nobody may find these in a log: what was asked, and the providers' credentials. Customers' keys are added.
PROMPT = "apricot-canary-in-the-prompt"
SECRETS = (PROMPT, "provider-credential-")
_UNSETTLED = "SELECT count(*) FROM usage_record WHERE settlement_id IS NULL"
_OURS = {"DATA_DIR", "TOKENOUTPUT_TEST_DATA", "DATABASE_AS_OWNER", "PORT", "SITE_URL", "DATABASE_URL"}
_CELERY = ("-m", "celery", "--quiet", "--app", "tokenoutput")
_TROUBLE = re.compile(rb"^.*\b(?:ERROR|FATAL|PANIC):.*$", re.MULTILINE)
# A client that was killed, and a server that stops, are what these tests do.
_EXPECTED = (
    rb"connection to client lost",
    rb"terminating connection",
    rb"the database system is",
    rb"unexpected EOF",
    rb"could not send data",
    rb"canceling authentication due to timeout",  # A connection begun while everything stood still.
)


def wait_until[T](question: Callable[[], T | None], what: str, *, seconds: float = DEADLINE_SECONDS) -> T:
    """Ask until the answer is true, or fail after the deadline."""
    until = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < until, f"still not so after {seconds} s: {what}"
        time.sleep(0.02)
    return answer


class Part:
    """One process of the platform, with a log of its own."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """`kill -9`, its children included, and gone when this returns."""
        self._signal(signal.SIGKILL)
        self.process.wait(READY_SECONDS)

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.runs:
            self.process.terminate()
            try:
                self.process.wait(READY_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode

    def died(self, *, seconds: float = DEADLINE_SECONDS) -> None:
        """Wait until its fault point killed it. A point that was never reached fails here."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the fault point was never reached: {self.log.read_text()[-2000:]}") from None
        assert code == -signal.SIGKILL, self.log.read_text()[-2000:]

    def _signal(self, number: int) -> None:
        if self.runs:
            os.killpg(self.pid, number)


class Web(Part):
    """A web process on a port of its own."""

    def __init__(self, environment: dict[str, str], log: Path, *, clock_seconds: int = 0) -> None:
        self.port = port_free()
        self.url = f"http://127.0.0.1:{self.port}"
        own = {"PORT": str(self.port), "SITE_URL": self.url}
        clock = ("tests.faults.another_clock", str(clock_seconds)) if clock_seconds else ()
        super().__init__(("-m", *clock, "tokenoutput.serve"), environment | own, log)

    def ready(self) -> "Web":
        ready_wait([f"{self.url}/readyz"], timeout_seconds=READY_SECONDS)
        return self


class Talk:
    """One request in a thread of its own, and what its client has seen of the answer."""

    def __init__(self, web: Web, customer: Customer, model: SoldModel, *, stream: bool = True, **more: Any) -> None:
        body = {"model": model.public_id, "stream": stream, "messages": [{"role": "user", "content": PROMPT}], **more}
        self.client = RawClient(web.url)
        self.client.post("/v1/chat/completions", body, headers={"connection": "close", **customer.bearer})
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def seen(self) -> bytes:
        return self.client.received

    @property
    def status(self) -> int | None:
        """The status code; None where no answer began."""
        return int(self.seen.split(b" ", 2)[1]) if self.seen.count(b" ") > 1 else None

    @property
    def proper(self) -> bool:
        """Whether the client was told that the answer is whole."""
        return b"data: [DONE]" in self.seen or (
            self.status == 200 and b'"usage"' in self.seen and b"data:" not in self.seen
        )

    def saw(self, text: bytes) -> None:
        wait_until(lambda: text in self.seen or not self._thread.is_alive(), f"{text!r} seen")
        assert text in self.seen, self.seen[-500:]

    def end(self) -> "Talk":
        """Wait for the end of the connection, however it came."""
        self._thread.join(DEADLINE_SECONDS)
        assert not self._thread.is_alive(), self.seen[-500:]
        self.client.close()
        return self

    def _read(self) -> None:
        until = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < until:
            try:
                self.client.read_all()
                return
            except TimeoutError:
                continue
            except OSError:
                return


class Machine:
    """Made once for many tests: `web`, `worker` and `beat` start processes, `check` is the end of every test."""

    def __init__(self, folder: Path, upstream: Upstream) -> None:
        self.folder, self.data_dir, self.upstream = folder, folder / "data", upstream
        self.parts: list[Part] = []
        self.steady: Part | None = None
        self._stack = ExitStack()
        self._keys: list[str] = []
        self._log_read = 0
        self._broker = self.data_dir / "broker"
        self.environment = {name: value for name, value in os.environ.items() if name not in _OURS} | {
            "DATA_DIR": str(self.data_dir),
            "DEBUG": "1",
            "ENV_FILE": os.devnull,
            "SECRET_KEY": settings.SECRET_KEY,
            "FIELD_ENCRYPTION_KEYS": settings.FIELD_ENCRYPTION_KEYS[0],
            "DJANGO_SETTINGS_MODULE": "tokenoutput.settings",
            "DRAIN_SECONDS": "1",
            "KEY_REQUESTS_PER_MINUTE": "100000",
            "ORGANIZATION_REQUESTS_PER_MINUTE": "100000",
            "KEY_CONCURRENCY": "1000",
            "ORGANIZATION_CONCURRENCY": "1000",
            **SHORT,
        }

    # --- Start and end

    def begin(self) -> None:
        """The database, its tables and rights."""
        self.database_start()
        for command in (("migrate", "-v", "0"), ("database_grant",)):
            done = subprocess.run(
                [sys.executable, str(ROOT / "manage.py"), *command], env=self.environment | {"DATABASE_AS_OWNER": "1"},
                capture_output=True, text=True, timeout=READY_SECONDS, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
        self._broker.mkdir(mode=0o700)

    def end(self) -> None:
        for part in reversed(self.parts):
            part.kill()
        self.database_go_on()
        self._stack.close()

    # --- Processes

    def web(self, point: str = "", *, clock_seconds: int = 0, **environment: str) -> Web:
        """A web process, not yet ready; it dies at the fault point, if one is named."""
        log = self.folder / "web.log"
        return self._added(Web(self._environment(point, environment), log, clock_seconds=clock_seconds))

    def program(self, module: str, *arguments: object, point: str = "") -> Part:
        """Any other program of the platform's own."""
        command = ("-m", module, *map(str, arguments))
        return self._added(Part(command, self._environment(point, {}), self.folder / "program.log"))

    def worker(self, point: str = "", **environment: str) -> Part:
        command: tuple[str, ...] = (
            *_CELERY,
            "worker",
            "--loglevel",
            "INFO",
            "--without-gossip",
            "--without-mingle",
            "--pool",
            "solo",
        )
        command = command if point else command[:-2]  # A pool's parent would outlive the point.
        return self._added(Part(command, self._environment(point, environment), self.folder / "worker.log"))

    def beat(self, **environment: str) -> Part:
        schedule = str(self.folder / f"schedule-{len(self.parts)}")
        command = (*_CELERY, "beat", "--loglevel", "INFO", "--pidfile", "", "--schedule", schedule)
        return self._added(Part(command, self._environment("", environment), self.folder / "beat.log"))

    def _environment(self, point: str, more: dict[str, str]) -> dict[str, str]:
        return self.environment | ({"FAULT_POINT": point} if point else {}) | more

    def _added[P: Part](self, part: P) -> P:
        self.parts = [*(one for one in self.parts if one.runs), part]
        return part

    def messages_flush(self) -> int:
        """Throw away what the broker holds; how many messages."""
        waiting = list(self._broker.glob("*.msg"))
        for message in waiting:
            message.unlink(missing_ok=True)
        return len(waiting)

    # --- PostgreSQL

    def database_start(self) -> None:
        self._stack.enter_context(database_running(self.data_dir))

    def database_stop(self, *, at_once: bool = False) -> None:
        """`pg_ctl stop`, fast or immediate; no server when this returns."""
        connection.close()
        pid = self._postmaster()
        os.kill(pid, signal.SIGQUIT if at_once else signal.SIGINT)
        wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the server stopped")

    def database_pause(self) -> None:
        """The server and every backend stand still, and answer nobody."""
        connection.close()
        self._server_signal(signal.SIGSTOP)

    def database_go_on(self) -> None:
        self._server_signal(signal.SIGCONT)

    def _server_signal(self, number: int) -> None:
        for pid in self._server_pids():
            with suppress(ProcessLookupError):  # A backend may be on its way out.
                os.kill(pid, number)

    def _postmaster(self) -> int:
        return int((cluster_dir(self.data_dir) / "postmaster.pid").read_text().split()[0])

    def _server_pids(self) -> list[int]:
        try:
            pid = self._postmaster()
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except FileNotFoundError:
            return []
        return [pid, *map(int, children)]

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Django in this process works on the machine's database, as its owner."""
        ours = connections["default"]
        theirs = ours.copy()
        theirs.settings_dict.update(
            NAME=DATABASE,
            HOST=str(socket_dir(self.data_dir)),
            USER=OWNER,
            PASSWORD=local_secrets(self.data_dir).owner_password,
        )
        connections["default"] = theirs
        try:
            yield
        finally:
            theirs.close()
            connections["default"] = ours

    # --- Customers, models, and what became of them

    def customer(self, *, credit: str = "10.00") -> Customer:
        customer = customer_make(credit=credit)
        self._keys.append(customer.key)
        return customer

    def model(self, *scripts: Script, sold_by: Sequence[Web] = (), **options: Any) -> SoldModel:
        """A model whose route plays `scripts`, once these web processes sell it."""
        model = model_make(self.upstream, **options)
        model.on(*scripts)
        for web in sold_by:
            ready_wait([f"{web.url}/v1/models/{model.public_id}"], timeout_seconds=READY_SECONDS)
        return model

    def quiet(self, *, seconds: float = DEADLINE_SECONDS) -> float:
        """Wait until nothing is held and nothing is spooled; how long that took."""
        started = time.monotonic()
        wait_until(lambda: self._count("SELECT count(*) FROM hold") == 0, "nothing is held", seconds=seconds)
        wait_until(lambda: not list((self.data_dir / "spool").glob("*.spool")), "nothing is spooled", seconds=seconds)
        return time.monotonic() - started

    def settled(self) -> None:
        """Wait until the workers have settled every record."""
        wait_until(lambda: self._count(_UNSETTLED) == 0, "all is settled")

    def check(self, *expected: bytes) -> None:
        """The epilogue: all is settled, the books hold, and no log has a fault or a secret that nobody expected."""
        self.quiet()
        while usage_settle():
            pass
        assert ledger_check() == []
        assert self._count(_UNSETTLED) == 0
        assert not list((self.data_dir / "spool").glob("*.kept"))
        trouble = [
            line for line in self._log_news() if not any(re.search(one, line) for one in (*_EXPECTED, *expected))
        ]
        assert trouble == [], trouble
        self.secrets_check()

    def secrets_check(self) -> None:
        logs = [*self.folder.glob("*.log"), cluster_dir(self.data_dir) / "server.log"]
        secrets = [secret.encode() for secret in (*SECRETS, *self._keys)]
        assert [(log.name, secret) for log in logs for secret in secrets if secret in log.read_bytes()] == []

    def _log_news(self) -> list[bytes]:
        """Errors in the server's log since the last look."""
        data = (cluster_dir(self.data_dir) / "server.log").read_bytes()
        news, self._log_read = data[self._log_read :], len(data)
        return _TROUBLE.findall(news)

    def _count(self, query: str) -> int:
        try:
            with connection.cursor() as cursor:
                cursor.execute(query)
                return int(cursor.fetchone()[0])
        except DatabaseError:  # The server was away: ask on a new connection.
            connection.close()
            return -1
