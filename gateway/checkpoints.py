"""Once a second: what every live request of the process has used, and more money for those that need it."""

import time
from collections.abc import Sequence
from typing import Protocol as TypingProtocol

import anyio
import structlog

from billing.batches import LedgerUnavailable, Pool
from billing.checkpoints import Progress, ProgressAnswer, progress_send

log = structlog.get_logger(__name__)
CHECKPOINT_SECONDS = 1.0
# A request that asked out of turn and got no answer asks again with its turn.
OUT_OF_TURN_SECONDS = 2.0


class Live(TypingProtocol):
    """A request that holds money."""

    def progress(self, now: float) -> Progress | None:
        """What to record and to ask for; None where nothing changed."""
        ...

    def progress_answered(self, asked: Progress, answer: ProgressAnswer | None) -> None:
        """What the ledger said to it; None: it is out of reach."""
        ...


class Checkpoints:
    """Add a request once it holds money, and remove it before it is finished; `run` is the loop."""

    def __init__(self, pool: Pool, *, hold_seconds: float) -> None:
        self._pool = pool
        self._hold_seconds = hold_seconds
        self._live: dict[Live, None] = {}
        self._hurried: dict[Live, None] = {}
        self._hurry = anyio.Event()

    @property
    def renew_seconds(self) -> float:
        """A hold that nothing happens to is renewed this often."""
        return self._hold_seconds / 3

    def add(self, live: Live) -> None:
        """Renew its hold from now on."""
        self._live[live] = None

    def remove(self, live: Live) -> None:
        """It is over, or about to be."""
        self._live.pop(live, None)
        self._hurried.pop(live, None)

    def hurry(self, live: Live) -> None:
        """It needs an answer before its turn."""
        self._hurried[live] = None
        self._hurry.set()

    async def run(self) -> None:
        """All of them each second, some of them in between, until cancelled."""
        due = anyio.current_time() + CHECKPOINT_SECONDS
        while True:
            with anyio.move_on_at(due):
                await self._hurry.wait()
            hurried, self._hurried, self._hurry = self._hurried, {}, anyio.Event()
            if anyio.current_time() >= due:
                due = anyio.current_time() + CHECKPOINT_SECONDS
                hurried = self._live
            try:
                await self._send(list(hurried))
            except Exception:  # A bug must cost one round, not the renewals of the process.
                log.exception("checkpoint_failed")

    async def _send(self, lives: Sequence[Live]) -> None:
        now = time.monotonic()
        asked = [(live, progress) for live in lives if (progress := live.progress(now)) is not None]
        if not asked:
            return
        try:
            answers = await progress_send(
                self._pool, [progress for _, progress in asked], hold_seconds=self._hold_seconds
            )
        except LedgerUnavailable as error:
            log.warning("checkpoint_not_recorded", requests=len(asked), error=str(error))
            for live, progress in asked:
                live.progress_answered(progress, None)
            return
        for (live, progress), answer in zip(asked, answers, strict=True):
            if live in self._live:  # Else it was finished meanwhile.
                live.progress_answered(progress, answer)
