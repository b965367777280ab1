"""The table of faults names tests that exist."""

import re

from tests.faults.machine import ROOT


def test_every_line_names_a_test():
    text = (ROOT / "docs" / "faults.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("| ")][2:]
    named = re.findall(r"`(tests/\S+\.py)::(\w+)`", text)
    assert len(lines) == len(named) > 20
    for path, name in named:
        assert re.search(rf"^(?:async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE), f"{path}::{name}"
