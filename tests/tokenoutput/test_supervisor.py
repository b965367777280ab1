"""The supervisor's own rules, with processes that cost nothing."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.tokenoutput.launched import ROOT, wait_until

STAYS = "import time; print('here', flush=True); time.sleep(60)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {STAYS}"
BRINGS_A_CHILD = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {STAYS!r}]); {DEAF}"
FAILS = "import sys; sys.exit(3)"
# Runs what its arguments say, one process each, and leaves with the supervisor's word.
PROGRAM = """
import sys
from tokenoutput.supervisor import Supervisor
supervisor = Supervisor(kill_seconds=1.0, on_started=lambda: None)
for number, program in enumerate(sys.argv[1:]):
    supervisor.add(f"part{number}", [sys.executable, "-c", program])
supervisor.loop()
print(supervisor.failure)
sys.exit(supervisor.returncode)
"""


class Supervised:
    """A supervisor in a process of its own; its output is collected as it comes."""

    def __init__(self, *programs: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *programs], cwd=ROOT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            self.lines.extend(output)

    def says(self, text: str, *, times: int = 1) -> None:
        wait_until(lambda: "".join(self.lines).count(text) >= times, seconds=30)

    def ended(self) -> int:
        code = self.process.wait(timeout=30)
        self._reader.join(timeout=30)
        return code

    def descendants(self) -> set[int]:
        """Of this process or of its children, as far as they were seen."""
        parents = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
        found = {self.process.pid}
        while more := {child for child, parent in parents.items() if parent in found} - found:
            found |= more
        return found - {self.process.pid}


@pytest.fixture
def supervise():
    started: list[Supervised] = []

    def start(*programs: str) -> Supervised:
        started.append(Supervised(*programs))
        return started[-1]

    yield start
    for supervised in started:
        supervised.process.kill()
        supervised.ended()


def alive(process_ids: set[int]) -> set[int]:
    found = set()
    for process_id in process_ids:
        try:
            state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            found.add(process_id)
    return found


def test_output_is_one_log_with_a_prefix(supervise):
    supervised = supervise(STAYS)
    supervised.says("part0  | here")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_and_is_a_success(supervise, number):
    supervised = supervise(STAYS, STAYS)
    supervised.says("here", times=2)
    children = supervised.descendants()
    supervised.process.send_signal(number)
    assert supervised.ended() == 0
    assert alive(children) == set()


def test_a_part_that_ends_stops_the_rest_and_is_a_failure(supervise):
    supervised = supervise(STAYS, FAILS)
    assert supervised.ended() == 1
    assert "part1 stopped by itself (exit code 3), so everything was stopped" in "".join(supervised.lines)


def test_who_does_not_listen_is_killed_with_its_children(supervise):
    supervised = supervise(BRINGS_A_CHILD)
    supervised.says("here", times=2)
    children = supervised.descendants()
    assert len(children) == 3  # The relay, the process and its child.
    supervised.process.send_signal(signal.SIGTERM)
    assert supervised.ended() == 0
    assert alive(children) == set()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
def test_a_killed_supervisor_takes_its_processes_along(supervise):
    supervised = supervise(STAYS, STAYS)
    supervised.says("here", times=2)
    children = supervised.descendants()
    assert len(children) == 4
    os.kill(supervised.process.pid, signal.SIGKILL)
    supervised.ended()
    wait_until(lambda: alive(children) == set(), seconds=10)


def test_a_killed_relay_counts_as_the_end_of_its_process(supervise):
    supervised = supervise(STAYS, STAYS)
    supervised.says("here", times=2)
    children = supervised.descendants()
    os.kill(min(children), signal.SIGKILL)  # Relays are started first.
    assert supervised.ended() == 1
    wait_until(lambda: alive(children) == set(), seconds=10)
