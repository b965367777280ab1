"""Named places on the path of money where a test lets the process die. Nothing happens there otherwise."""

import os
import signal

from django.conf import settings

POINTS = frozenset(
    {
        "hold.before_commit",
        "hold.after_commit",
        "pump.before_upstream",
        "pump.mid",
        "checkpoint.after_commit",
        "finish.before_commit",
        "finish.after_commit",
        "finish.after_commit_before_done",
        "spool.before_write",
        "spool.after_write",
        "spool.after_send",
        "settle.after_transfers",
        "settle.after_commit",
        "reap.after_finish",
        "reap.after_commit",
        "topup.after_stripe",
        "topup.after_transfer",
        "refund.after_open",
        "refund.after_stripe",
        "refund.after_settle",
    }
)


class _Armed:
    """One point, and at which of its passages the process dies."""

    def __init__(self, said: str) -> None:
        self._name, _, number = said.partition(":")
        if self._name not in POINTS:
            raise ValueError(f"FAULT_POINT names no point: {self._name}")
        self._left = int(number or "1")

    def passed(self, name: str) -> None:
        if name == self._name:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


_armed = _Armed(settings.FAULT_POINT) if settings.FAULT_POINT else None


def point(name: str) -> None:
    """The process passes here; it dies if this is what `FAULT_POINT` asks for."""
    if _armed is not None:
        _armed.passed(name)
