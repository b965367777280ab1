"""One embedded PostgreSQL for the whole run, in a temporary data folder, never the developer's own."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.cache import cache
from django.test.utils import setup_databases, teardown_databases
from hypothesis import HealthCheck, settings
from servestatic.middleware import ServeStaticMiddleware

from tokenoutput.embedded import database_running

# How fast a machine is says nothing about what is tested.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")


def pytest_unconfigure(config):
    """The first process takes the folder away, once its workers have left."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop("TOKENOUTPUT_TEST_DATA"), ignore_errors=True)


def pytest_collection_modifyitems(items):
    """In random order, but tests that leave rows behind come after all that expect an empty database.

    Parallel workers keep to it: `--dist load` hands tests out in this order.
    """
    items.sort(key=lambda item: "database" in item.fixturenames)


@pytest.fixture(scope="session", autouse=True)
def static_files_found_once():
    """Each test client has middleware of its own, which would look at every static file: 60 ms, a thousand times."""
    find = ServeStaticMiddleware.add_files_from_finders
    found: dict[tuple[str, bool], tuple[dict[str, Any], list[tuple[str, str]]]] = {}

    def remembered(self):
        kept = found.get((self.static_prefix, self.autorefresh))
        if kept is None:
            find(self)
            found[self.static_prefix, self.autorefresh] = dict(self.files), list(self.directories)
        else:
            self.files.update(kept[0])
            self.directories.extend(place for place in kept[1] if place not in self.directories)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ServeStaticMiddleware, "add_files_from_finders", remembered)
        yield


@pytest.fixture(scope="session", autouse=True)
def passwords_hashed_cheaply():
    """The product's own hash with the least work: to make a password dear to guess took a fifth of all the time."""
    with pytest.MonkeyPatch.context() as patch:
        for name, least in (("time_cost", 1), ("memory_cost", 8), ("parallelism", 1)):
            patch.setattr(Argon2PasswordHasher, name, least)
        yield


@pytest.fixture(autouse=True)
def nothing_cached():
    """Attempts to sign in or up are counted in the cache: those of other tests would have this one refused."""
    cache.clear()


@pytest.fixture(scope="session")
def embedded_database():
    """The server: the last process of the run stops it."""
    with database_running(Path(os.environ["DATA_DIR"]), durable=False):
        yield


@pytest.fixture(scope="session")
def django_db_setup(embedded_database, django_test_environment, django_db_modify_db_settings, django_db_blocker):
    """The test database, once the server is up; pytest-django's own makes none when all chosen tests use `database`."""
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False, aliases={"default": None}, serialized_aliases=())
    yield
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)


@pytest.fixture(scope="session")
def database(django_db_setup, django_db_blocker):
    """Committed rows, for tests whose other side is another thread or process.

    Nothing is cleaned up (the ledger is append-only): such a test makes its own organisation and looks at nothing else.
    """
    with django_db_blocker.unblock():
        yield
