"""The canaries are fit to sing: each patch still applies to this tree and names tests that exist."""

import re

import pytest

from tests.faults.canaries import ROOT, canaries, patch_apply


@pytest.mark.parametrize("canary", canaries(), ids=lambda canary: canary.name)
def test_the_patch_applies_and_its_tests_exist(canary):
    assert patch_apply(canary, ROOT, check=True) == ""
    assert canary.tests
    for test in canary.tests:
        path, _, name = test.partition("::")
        source = (ROOT / path).read_text()
        assert not name or re.search(rf"^(?:async )?def {re.escape(name.partition('[')[0])}\(", source, re.MULTILINE)


def test_the_guards_of_the_ledger_have_a_canary_each():
    assert {"wallet_row_lock", "wallet_check", "transfer_unique", "reaper_grace", "commit_before_end"} <= {
        canary.name for canary in canaries()
    }
