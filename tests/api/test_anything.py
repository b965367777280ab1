"""Schemathesis: whatever the description allows, and what it does not, gets an answer that the description allows."""

import json
import logging
import random

import hypothesis
import pytest
import schemathesis
from django.conf import settings as django_settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, given
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.programs import program
from tests.tokenoutput.pages import catalog_make, visitor

SEED = random.randrange(2**32)
CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
DESCRIBED = json.loads((django_settings.BASE_DIR / "docs" / "openapi.json").read_text())
OPERATIONS = [
    (path, method) for path, methods in DESCRIBED["paths"].items() if path.startswith("/api/") for method in methods
]


@pytest.fixture(autouse=True)
def connection_kept():
    """The application would close the connection after a request, and with it this test's transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(scope="module")
def described():
    paths = {path: methods for path, methods in DESCRIBED["paths"].items() if path.startswith("/api/")}
    schema = schemathesis.openapi.from_dict(DESCRIBED | {"paths": paths})
    schema.app = get_wsgi_application()
    return schema


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_anything_gets_an_answer(described, path, method, settings, tmp_path, monkeypatch):
    logging.getLogger(__name__).info("hypothesis.seed(%s)", SEED)
    settings.DEBUG = True  # the simulator stands in for Stripe
    settings.STRIPE_SIMULATOR_FILE = str(tmp_path / "stripe.sqlite3")
    for throttle in ("PerKey", "PerAddress"):
        monkeypatch.setattr(f"tokenoutput.api.throttles.{throttle}.get_rate", lambda _self: "1000000/min")
    catalog_make()
    headers = {"Authorization": f"Bearer {program(visitor()).secret}", "Accept-Encoding": "identity"}
    for mode in GenerationMode:

        @hypothesis.seed(SEED)
        @hypothesis.settings(
            max_examples=8,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[hypothesis.Phase.generate],
        )
        @given(case=described[path][method.upper()].as_strategy(generation_mode=mode))
        def ask(case):
            case.call_and_validate(headers=headers, checks=CHECKS)

        try:
            ask()
        except Unsatisfiable:
            assert mode == GenerationMode.NEGATIVE  # nothing that is sent to this one can be wrong
