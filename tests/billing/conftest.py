"""Ledgers for the stories: PostgreSQL 18, and 16 beside it."""

import os
from pathlib import Path
from uuid import uuid4

import pytest

from tests.billing.books import Books, ledger_installed
from tests.billing.payments import Payments
from tests.tokenoutput.pages import visitor
from tokenoutput.embedded import database_running


@pytest.fixture(scope="session")
def place18(embedded_database):
    with ledger_installed(Path(os.environ["DATA_DIR"])) as place:
        yield place


@pytest.fixture(scope="session")
def place16(tmp_path_factory):
    folder = tmp_path_factory.mktemp("postgresql16")
    with database_running(folder, durable=False, version=16), ledger_installed(folder) as place:
        yield place


@pytest.fixture(params=[18, 16])
def place(request):
    """Where a ledger is, on each version: committed rows, shared by the tests of a run."""
    return request.getfixturevalue(f"place{request.param}")


@pytest.fixture
def books(place):
    """A connection of its own to the ledger."""
    with place.connect() as connection:
        yield Books(connection)


@pytest.fixture
def simulator_file(tmp_path, settings):
    """Development, with a simulated Stripe of one's own."""
    settings.DEBUG = True
    settings.STRIPE_SIMULATOR_FILE = str(tmp_path / "stripe.sqlite3")
    return settings.STRIPE_SIMULATOR_FILE


@pytest.fixture
def payments(db, simulator_file, settings):
    """A customer without granted credit, whose every change is rolled back."""
    settings.STARTER_CREDIT_USD = "0"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Nobody signs in by password here.
    return Payments(visitor(uuid4().hex[:12]), simulator_file)
