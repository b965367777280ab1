"""Ctrl-C at a moment when it would leave something running that nobody knows of yet."""

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait until the end of the block, where they then have their effect.

    Between a process's start and the line that notes it, an exception of a signal handler would lose it. Processes
    started here begin with both signals blocked: end them with SIGKILL, or let them unblock what they heed.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
