"""`manage.py up` and other commands as processes of their own, on a folder and a port of their own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tokenoutput.addresses import port_free

ROOT = Path(__file__).resolve().parents[2]
# The test run's own environment must not reach the platform under test.
_OURS = {"DATA_DIR", "TOKENOUTPUT_TEST_DATA", "DATABASE_AS_OWNER", "DEBUG", "SECRET_KEY", "DJANGO_SETTINGS_MODULE"}
READY = "TokenOutput is ready"
# Put before everything else a Python imports: what it names seems not to be installed.
_HIDING = """
import importlib.util
_find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == {hidden!r} else _find_spec(name, package)
"""


class Launched:
    """One data folder, and the `up` that runs on it."""

    def __init__(self, data_dir: Path, *, port: int | None = None, **environment: str) -> None:
        self.data_dir, self.port = data_dir, port or port_free()
        self.environment = {name: value for name, value in os.environ.items() if name not in _OURS} | {
            "DATA_DIR": str(data_dir),
            "PORT": str(self.port),
            **environment,
        }
        self.log = data_dir.with_name(f"{data_dir.name}.log")

    def hide(self, package: str) -> None:
        """Let a package seem not to be installed."""
        folder = self.data_dir.with_name("hiding")
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(_HIDING.format(hidden=package))
        self.environment["PYTHONPATH"] = str(folder)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self.environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def launch(self) -> None:
        """Start `up`, as a job in the background of a shell does: with SIGINT ignored."""
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, str(ROOT / "manage.py"), "up"],
                env=self.environment, stdout=log, stderr=log,
            )  # fmt: skip

    def start(self) -> None:
        """Start `up` and wait until it says that it is ready."""
        self.launch()
        wait_until(lambda: READY in self.log.read_text() or self.process.poll() is not None, seconds=120)
        assert READY in self.log.read_text(), self.log.read_text()

    def stop(self, number: int = signal.SIGINT) -> tuple[int, float]:
        """Send the signal; exit code, and seconds until the end."""
        started = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(timeout=30), time.monotonic() - started

    def quickstart(self) -> dict[str, str]:
        return dict(json.loads((self.data_dir / "quickstart.json").read_text()))

    def processes(self) -> dict[int, str]:
        """Everything that runs on this data folder now: command line by process id."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                environment = (folder / "environ").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if str(self.data_dir) in command or (command and f"DATA_DIR={self.data_dir}" in environment):
                found[int(folder.name)] = command
        return found


def wait_until(holds, *, seconds: float) -> None:
    """Poll until `holds()`, with a deadline."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)
