"""Canaries: patches that each take one guard away. The tests named in a patch must then fail, or they guard nothing.

`python -m tests.faults.canaries` applies each to a copy of the tree and runs its tests there.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[2]


@dataclass(frozen=True)
class Canary:
    """A patch: the guard that it removes, in words, and the tests that must see it."""

    name: str
    path: Path
    guard: str
    tests: tuple[str, ...]


def canaries() -> list[Canary]:
    """Every patch here; its head says `Guard: …` once and `Test: …` for each test."""
    found = []
    for path in sorted(FOLDER.glob("*.patch")):
        head = path.read_text().partition("\ndiff ")[0]
        (guard,) = re.findall(r"^Guard: (.+)$", head, re.MULTILINE)
        tests = tuple(re.findall(r"^Test: (\S+)$", head, re.MULTILINE))
        found.append(Canary(path.stem, path, guard, tests))
    return found


def patch_apply(canary: Canary, tree: Path, *, check: bool = False) -> str:
    """Apply it to a tree, or only see whether it would apply; what git complains of, empty when all is well."""
    command = ["git", "apply", *(["--check"] if check else []), str(canary.path)]
    # A tree inside a repository is that repository's to git, unless it is told where to stop looking.
    environment = {"GIT_CEILING_DIRECTORIES": str(tree.parent), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode else ""
