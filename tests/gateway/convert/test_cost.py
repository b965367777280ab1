"""A converted event stays within its bar of CPU; `make bench` measures the same at length."""

import subprocess
import sys


def test_no_converted_event_costs_more_than_its_bar():
    """In a process of its own: what traces this one for coverage would be measured too."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.convert", "500"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "within the bar of 25 us" in done.stdout
