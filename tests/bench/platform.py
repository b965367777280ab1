"""The web process with its own database and a mock upstream, all as processes of their own, and what they use."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from tokenoutput.addresses import port_free

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 60
MODEL = "bench"
_CATALOG = """
providers:
  - {{slug: mock, base_url: "http://127.0.0.1:{port}/v1", protocol: openai_chat, api_key: mock}}
models:
  - id: bench
    context_tokens: 100000
    max_output_tokens: 4000
    price: {{input: "1", output: "2"}}
    routes: [{{provider: mock, upstream_model: mock}}]
"""
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Place:
    """Where to ask directly and through the gateway, and which processes to look at."""

    upstream_port: int
    gateway_port: int
    key: str
    gateway_pid: int
    postgres_pid: int

    def gateway_cpu_seconds(self) -> float:
        return _cpu_seconds(self.gateway_pid)

    def postgres_cpu_seconds(self) -> float:
        """The server's and its backends' together."""
        return sum(map(_cpu_seconds, [self.postgres_pid, *_children(self.postgres_pid)]))

    def gateway_memory_mb(self) -> float:
        lines = Path(f"/proc/{self.gateway_pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


@contextmanager
def running() -> Iterator[Place]:
    """Everything started, stopped and removed again."""
    with tempfile.TemporaryDirectory(prefix="tokenoutput-bench-") as folder, ExitStack() as stack:
        upstream_port, gateway_port = port_free(), port_free()
        environment = _environment(folder, gateway_port)
        stack.enter_context(_process(environment, "-m", "tests.bench.mock_upstream", str(upstream_port)))
        gateway = stack.enter_context(_gateway(environment, upstream_port, Path(folder)))
        key, gateway_pid = gateway
        data = next(Path(folder).rglob("postmaster.pid"))
        postgres_pid = int(data.read_text().splitlines()[0])
        yield Place(upstream_port, gateway_port, key, gateway_pid, postgres_pid)


@contextmanager
def _gateway(environment: dict[str, str], upstream_port: int, folder: Path) -> Iterator[tuple[str, int]]:
    from tokenoutput.embedded import database_running  # noqa: PLC0415 -- after the environment is settled

    with database_running(folder):
        catalog = folder / "catalog.yaml"
        catalog.write_text(_CATALOG.format(port=upstream_port))
        owner = environment | {"DATABASE_AS_OWNER": "1"}
        _manage(owner, "migrate", "--verbosity", "0")
        _manage(owner, "database_grant")
        _manage(owner, "load_catalog", str(catalog))
        _manage(owner, "organization_create", "bench", "--email", "bench@example.com", "--credit", "100000")
        key = _manage(owner, "api_key_issue", "bench", "bench").strip()
        with _process(environment, "-m", "tokenoutput.serve") as process:
            _wait_ready(environment["PORT"])
            yield key, process.pid


def _environment(folder: str, port: int) -> dict[str, str]:
    without_limits = dict.fromkeys(("KEY_REQUESTS_PER_MINUTE", "ORGANIZATION_REQUESTS_PER_MINUTE"), "1000000000")
    without_limits |= dict.fromkeys(("KEY_CONCURRENCY", "ORGANIZATION_CONCURRENCY"), "100000")
    return {
        **os.environ,
        **without_limits,
        "DATA_DIR": folder,
        "PORT": str(port),
        "DEBUG": "1",
        "ENV_FILE": os.devnull,
        "LOG_LEVEL": "WARNING",
        "DJANGO_SETTINGS_MODULE": "tokenoutput.settings",
    }


def _manage(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(arguments)}: {done.stderr}")
    return done.stdout


@contextmanager
def _process(environment: dict[str, str], *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, *arguments], env=environment, cwd=ROOT)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_ready(port: str) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        try:
            with urlopen(f"http://127.0.0.1:{port}/v1/models") as answer:
                if any(model["id"] == MODEL for model in json.load(answer)["data"]):
                    return
        except OSError:
            pass
        time.sleep(0.05)
    sys.exit("the web process did not become ready")


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
