"""One machine for all tests of a run that need one: it is started by the first, and stopped at the end."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.machine import Machine, Web
from tests.gateway.platform import upstream as upstream


@pytest.fixture(scope="session")
def _machine(upstream: Any) -> Iterator[Machine]:
    # Short: a socket's path has a limit.
    folder = Path(tempfile.mkdtemp(prefix="tokenoutput-faults-"))
    machine = Machine(folder, upstream)
    try:
        machine.begin()
        machine.steady = machine.worker()
        machine.beat()
        yield machine
    finally:
        machine.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def machine(_machine: Machine, django_db_blocker: Any) -> Iterator[Machine]:
    """The machine, with this process's Django on its database."""
    with django_db_blocker.unblock(), _machine.connected():
        yield _machine


@pytest.fixture(scope="session")
def _web(_machine: Machine) -> Web:
    return _machine.web().ready()


@pytest.fixture
def web(machine: Machine, _web: Web) -> Web:
    """A web process that no test kills: the other one, which must not notice."""
    assert _web.runs
    return _web
