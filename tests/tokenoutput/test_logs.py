"""One log: a line an event, for every logger, and no secret in it, whatever logs it."""

import json
import logging

import pytest
import structlog
from django.conf import settings

from tokenoutput.logs import logging_configure
from tokenoutput.redaction import redact

KEY = "sk-4yDFblXGNO6pX99xA3NlxDPGZys6mixcmMe8NwRp3lb0wGEq1"


@pytest.fixture
def log_restored():
    """The log of the other tests, set up anew once `capfd` is gone: set up before, it would write to a closed file."""
    yield
    logging_configure(settings.LOGGING)


@pytest.fixture
def log_lines(log_restored, capfd):
    """Set the log up, on the real handlers and the real stderr, and get a function that reads what came since."""

    def start(*, as_json: bool):
        logging_configure({"level": "INFO", "json": as_json})

        def read():
            return [json.loads(line) if as_json else line for line in capfd.readouterr().err.splitlines()]

        return read

    return start


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"key {KEY} refused", "key [redacted] refused"),
        ("sk-proj-abc_DEF-123456", "[redacted]"),
        ("sk-ant-api03-abcdefghij", "[redacted]"),
        ("sk_live_abcdefgh rk_live_abcdefgh", "[redacted] [redacted]"),
        ("Authorization: Bearer anything.at-all", "Authorization: Bearer [redacted]"),
        ("{'authorization': 'bearer abc'}", "{'authorization': 'bearer [redacted]'}"),
        ('{"x-api-key": "secretvalue"}', '{"x-api-key": "[redacted]"}'),
        ("whsec_abcDEF123+/=", "[redacted]"),
        ("eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl", "[redacted]"),
        ("postgres://app:s3cret@host:5432/name", "postgres://app:[redacted]@host:5432/name"),
        ("/accounts/password/reset/key/1-abc123/", "/accounts/password/reset/key/[redacted]/"),
        ("card 4242 4242 4242 4242, refused", "card [redacted], refused"),
        ("card 4242424242424242", "card [redacted]"),
        # What must stay readable.
        ("task-schedule of desk-lamp", "task-schedule of desk-lamp"),
        ("balance_nanos=4999959060", "balance_nanos=4999959060"),
        ("request 01a20a8b-e824-78be-8b70-e395e2918dbc", "request 01a20a8b-e824-78be-8b70-e395e2918dbc"),
        ("card 4242 4242 4242 4241", "card 4242 4242 4242 4241"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
    ],
)
def test_secrets_go_by_their_shape(text, expected):
    assert redact(text) == expected


@pytest.mark.parametrize("name", ["django.request", "uvicorn.error", "celery.worker", "aiohttp.client", "anything"])
def test_every_logger_ends_in_the_one_redacted_line(log_lines, name):
    read = log_lines(as_json=True)
    logging.getLogger(name).error("no: %s", KEY)
    (line,) = read()
    assert (line["logger"], line["level"], line["event"]) == (name, "error", "no: [redacted]")
    assert line["timestamp"].endswith("Z")


def test_fields_tracebacks_and_warnings_are_redacted_too(log_lines):
    read = log_lines(as_json=True)
    log = structlog.get_logger("gateway.app")
    try:
        raise ValueError(f"upstream said {KEY}")
    except ValueError:
        log.exception("failed", credential=KEY, nested={"list": [KEY]})
    logging.getLogger("py.warnings").warning("%s", KEY)
    first, second = read()
    assert first["credential"] == "[redacted]"
    assert "ValueError: upstream said [redacted]" in first["exception"]
    assert KEY not in json.dumps([first, second])


def test_the_access_line_has_no_query_string(log_lines):
    read = log_lines(as_json=True)
    access = logging.getLogger("uvicorn.access")
    arguments = ("127.0.0.1:5", "GET", f"/models?q={KEY}&x=prompt", "1.1", 200)
    access.info('%s - "%s %s HTTP/%s" %d', *arguments)
    # The gateway has a line of its own, and a probe is not worth one.
    for path in ("/v1/messages?beta=true", "/readyz", "/healthz"):
        access.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:5", "POST", path, "1.1", 200)
    (line,) = read()
    assert (line["event"], line["method"], line["path"], line["status"]) == ("request", "GET", "/models", 200)
    assert "prompt" not in json.dumps(line)


def test_nobody_can_forge_a_line(log_lines):
    read = log_lines(as_json=False)
    logging.getLogger("x").warning("one\n2026-01-01 [info] forged\r\x1b[2J %s", KEY)
    structlog.get_logger("x").info("two", field="a\nforged")
    first, second = read()
    assert "one\\x0a2026-01-01 [info] forged\\x0d\\x1b[2J [redacted]" in first
    assert "two" in second
    assert "\n" not in second


def test_a_console_traceback_shows_no_local_variables(log_lines):
    read = log_lines(as_json=False)
    prompt = "my private prompt"
    try:
        raise KeyError("name")
    except KeyError:
        structlog.get_logger("x").exception("failed")
    text = "\n".join(read())
    assert "KeyError: 'name'" in text
    assert prompt not in text


def test_the_log_of_the_other_tests_still_writes():
    """In any order: before or after those above."""
    ours = [handler for handler in logging.getLogger().handlers if isinstance(handler, logging.StreamHandler)]
    assert ours
    assert not any(handler.stream.closed for handler in ours)
