"""The simulator's webhooks: signed as Stripe signs, and on demand as nobody should."""

import hashlib
import hmac
import time
from collections.abc import Callable
from random import Random

from billing.simulator.store import Store

# Takes a body and its signature header; answers the HTTP status.
type Receiver = Callable[[bytes, str], int]


def signature_make(body: bytes, secret: str, *, at: int | None = None) -> str:
    """The header `Stripe-Signature`."""
    moment = int(time.time()) if at is None else at
    signed = hmac.new(secret.encode(), str(moment).encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={signed}"


class Sender:
    """Sends events that were not taken yet. A refused one stays and is sent again the next time."""

    def __init__(self, store: Store, secret: str, receiver: Receiver) -> None:
        self._store = store
        self._secret = secret
        self._receiver = receiver

    def bodies(self) -> list[bytes]:
        """What waits, oldest first."""
        with self._store.objects() as objects:
            return [body.encode() for _, body in objects.unsent()]

    def send(self) -> int:
        """In order, each once; how many were taken."""
        with self._store.objects() as objects:
            waiting = objects.unsent()
        taken = 0
        for number, body in waiting:
            if self._deliver(body.encode()) == 200:
                taken += 1
                with self._store.objects() as objects:
                    objects.sent(number)
        return taken

    def misbehave(self, random: Random, *, loss: float = 0.3, copies_max: int = 3) -> list[int]:
        """In any order, some never, some several times, some with a signature of nobody; the statuses."""
        with self._store.objects() as objects:
            waiting = objects.unsent()
            for number, _ in waiting:
                objects.sent(number)
        kept = [body.encode() for _, body in waiting if random.random() >= loss]
        copies = [body for body in kept for _ in range(random.randint(1, copies_max))]
        random.shuffle(copies)
        return [self._deliver(body, secret="whsec_forged" if random.random() < 0.1 else None) for body in copies]

    def _deliver(self, body: bytes, secret: str | None = None) -> int:
        return self._receiver(body, signature_make(body, secret or self._secret))
