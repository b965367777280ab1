"""`python -m tests.faults.canaries [NAME …]`: takes each guard away in a copy of the tree; the tests must turn red."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.canaries import ROOT, Canary, canaries, patch_apply

SECONDS_MAX = 600
FAILED = 1  # pytest's exit code for tests that ran and failed; any other is no verdict


def main(names: list[str]) -> int:
    """Run them all, or those named; how many did not turn red."""
    chosen = [canary for canary in canaries() if not names or canary.name in names]
    if not chosen:
        sys.exit(f"There is no canary of that name; there are: {', '.join(canary.name for canary in canaries())}.")
    with tempfile.TemporaryDirectory(prefix="tokenoutput-canaries-") as folder:
        tree = Path(folder) / "control"
        _copy(tree)
        code, said, seconds = _run(tree, sorted({test for canary in chosen for test in canary.tests}))
        _say("control", "green" if code == 0 else "NOT GREEN", said, seconds, "with every guard in place")
        if code != 0:
            return len(chosen)
        alive = sum(not _red(canary, Path(folder) / canary.name) for canary in chosen)
    sys.stdout.write(f"{len(chosen) - alive} of {len(chosen)} canaries are red, as they must be.\n")
    return alive


def _red(canary: Canary, tree: Path) -> bool:
    _copy(tree)
    if complaint := patch_apply(canary, tree):
        _say(canary.name, "DOES NOT APPLY", complaint.splitlines()[0], 0, canary.guard)
        return False
    code, said, seconds = _run(tree, list(canary.tests))
    _say(
        canary.name,
        "red" if code == FAILED else "STILL GREEN" if code == 0 else "NO VERDICT",
        said,
        seconds,
        canary.guard,
    )
    return code == FAILED


def _copy(tree: Path) -> None:
    """The files that git tracks, as they are in the working tree."""
    listing = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).exists():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)


def _run(tree: Path, tests: list[str]) -> tuple[int, str, float]:
    """pytest's exit code and last words in that tree, and how long it took."""
    environment = {name: value for name, value in os.environ.items() if name != "TOKENOUTPUT_TEST_DATA"}
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=tree, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS_MAX,
    )  # fmt: skip
    counts = re.findall(r"^.*(?:\d+ (?:passed|failed|error)).*$", done.stdout, re.MULTILINE)
    lines = done.stdout.strip().splitlines() or done.stderr.strip().splitlines() or ["no output"]
    return done.returncode, (counts or lines)[-1].strip("= "), time.monotonic() - started


def _say(name: str, verdict: str, said: str, seconds: float, guard: str) -> None:
    sys.stdout.write(f"{name:20} {verdict:12} {seconds:5.0f} s  {said}\n{'':20} {guard}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
