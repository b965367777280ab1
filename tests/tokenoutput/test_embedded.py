"""The embedded PostgreSQL: shared, started by the first user, stopped by the last, private, plain about trouble."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.tokenoutput.launched import ROOT, wait_until
from tokenoutput.embedded import EmbeddedDatabaseError, database_running
from tokenoutput.embedded_paths import SOCKET_DIR_BYTES_MAX, cluster_dir, socket_dir
from tokenoutput.local_secrets import local_secrets

# Uses the database of the folder it is given until its input ends.
USER = """
import sys
from pathlib import Path
from tokenoutput.embedded import database_running
with database_running(Path(sys.argv[1]), durable=False):
    print("in", flush=True)
    sys.stdin.read()
"""


class User:
    """Another process that uses the database of a folder."""

    def __init__(self, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(data_dir)], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def enter(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "in\n"

    def leave(self, number: int | None = None) -> None:
        if number is not None:
            self.process.send_signal(number)
        self.process.communicate(timeout=60)


@pytest.fixture
def data_dir(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def users(data_dir):
    started: list[User] = []

    def start() -> User:
        started.append(User(data_dir))
        return started[-1]

    yield start
    for user in started:
        if user.process.poll() is None:
            user.leave()


def connect(data_dir: Path, role: str = "tokenoutput_app") -> psycopg.Connection:
    keep = local_secrets(data_dir)
    password = keep.application_password if role == "tokenoutput_app" else keep.owner_password
    return psycopg.connect(host=str(socket_dir(data_dir)), user=role, password=password, dbname="tokenoutput")


def is_up(data_dir: Path) -> bool:
    try:
        connect(data_dir).close()
    except psycopg.OperationalError:
        return False
    return True


def test_the_last_user_stops_it_and_the_data_stays(data_dir, users):
    with database_running(data_dir, durable=False):
        with connect(data_dir, "tokenoutput_owner") as connection:
            connection.execute("CREATE TABLE kept (word text)")
        other = users()
        other.enter()
    assert is_up(data_dir)
    other.leave()
    assert not is_up(data_dir)
    with database_running(data_dir, durable=False), connect(data_dir, "tokenoutput_owner") as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_a_killed_user_does_not_keep_it_up(data_dir, users):
    other = users()
    other.enter()
    with database_running(data_dir, durable=False):
        other.leave(signal.SIGKILL)
    assert not is_up(data_dir)


def test_users_that_come_at_once_agree(data_dir, users):
    others = [users() for _ in range(4)]
    for other in others:
        other.enter()
    assert is_up(data_dir)
    for other in others[1:]:
        other.leave()
    assert is_up(data_dir)
    others[0].leave()
    assert not is_up(data_dir)


def test_a_crash_of_everything_is_recovered_from(data_dir):
    with database_running(data_dir):
        with connect(data_dir, "tokenoutput_owner") as connection:
            connection.execute("CREATE TABLE kept (word text)")
        server = int((cluster_dir(data_dir) / "postmaster.pid").read_text().splitlines()[0])
        os.kill(server, signal.SIGKILL)
        wait_until(lambda: not is_up(data_dir), seconds=10)
    with database_running(data_dir), connect(data_dir, "tokenoutput_owner") as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


@pytest.mark.parametrize("version", [16, 18])
def test_roles_are_as_in_production(data_dir, version):
    with database_running(data_dir, durable=False, version=version):
        with connect(data_dir) as connection:
            shown = connection.execute("SHOW server_version").fetchone()
            assert shown is not None
            assert shown[0].startswith(str(version))
            rights = connection.execute(
                "SELECT rolsuper, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
            assert rights == (False, False, False)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("CREATE TABLE theirs (word text)")
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(
                host=str(socket_dir(data_dir)), user="tokenoutput_app", password="wrong", dbname="tokenoutput"
            )


def test_everything_in_the_folder_is_private(data_dir):
    with database_running(data_dir, durable=False):
        assert data_dir.stat().st_mode & 0o777 == 0o700
        assert (data_dir / "secrets.json").stat().st_mode & 0o777 == 0o600
        assert cluster_dir(data_dir).stat().st_mode & 0o777 == 0o700
        assert socket_dir(data_dir).stat().st_mode & 0o777 == 0o700
        assert list(data_dir.glob(".initdb*")) == []


def test_a_long_path_has_its_socket_elsewhere(tmp_path):
    data_dir = tmp_path / ("long" * 25)
    assert len(str(data_dir)) > SOCKET_DIR_BYTES_MAX
    assert len(str(socket_dir(data_dir))) <= SOCKET_DIR_BYTES_MAX
    with database_running(data_dir, durable=False):
        assert is_up(data_dir)
        assert socket_dir(data_dir).stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(EmbeddedDatabaseError, match=r"^Cannot write to .*: Not a directory\.$"),
        database_running(tmp_path / "file" / "data"),
    ):
        pass


def test_a_broken_configuration_is_one_line_and_leaves_nothing_running(data_dir):
    with database_running(data_dir, durable=False):
        pass
    with (cluster_dir(data_dir) / "postgresql.conf").open("a") as conf:
        conf.write("shared_buffers = nonsense\n")
    with pytest.raises(EmbeddedDatabaseError) as raised, database_running(data_dir, durable=False):
        pass
    assert "shared_buffers" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not is_up(data_dir)
