"""How the Stripe library reaches the simulator: no network, and every accident a network can have, on demand."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal
from urllib.parse import urlsplit

import stripe

from billing.simulator.api import answer
from billing.simulator.store import Store

# lost: never arrived. unheard: it worked, the answer was lost. error: a 500, kept under the key and nothing done.
# error_after: a 500, kept, though it worked. in_use: a 409, another request has the key.
type Accident = Literal["lost", "unheard", "error", "error_after", "in_use"]
_BROKEN = '{"error": {"type": "api_error", "message": "An error occurred on our end."}}'
_IN_USE = '{"error": {"type": "idempotency_error", "code": "idempotency_key_in_use", "message": "In use."}}'


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    path: str
    encoded: str
    key: str | None


class SimulatedHttp(stripe.HTTPClient):
    """The library's HTTP, ending at the simulator's file."""

    name = "simulator"

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self.accidents: deque[Accident | None] = deque()
        # Called before and after each request: where a test lets the process die.
        self.watch: Callable[[str], None] = lambda _: None
        self.asked: list[str] = []

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        parts = urlsplit(url)
        encoded = post_data if isinstance(post_data, str) else parts.query
        call = _Call(method, parts.path, encoded or "", (headers or {}).get("Idempotency-Key"))
        self.asked.append(f"{method} {parts.path}")
        self.watch(f"before {method} {parts.path}")
        status, body = self._answer(call, self.accidents.popleft() if self.accidents else None)
        self.watch(f"after {method} {parts.path}")
        return body, status, {"request-id": "req_simulated"}

    def _answer(self, call: _Call, accident: Accident | None) -> tuple[int, str]:
        if accident == "lost":
            raise _broken("lost on the way")
        if accident == "in_use":
            return 409, _IN_USE
        store = Store(self._path)
        if accident == "error":
            _keep(store, call)
            return 500, _BROKEN
        done = answer(store, call.method, call.path, call.encoded, call.key)
        if accident == "unheard":
            raise _broken("no answer in time")
        if accident == "error_after":
            _keep(store, call)
            return 500, _BROKEN
        return done

    def _sleep_time_seconds(self, num_retries: int) -> float:
        return 0.0

    def close(self) -> None:
        """Nothing is open between two requests."""


def _broken(message: str) -> stripe.APIConnectionError:
    error: stripe.APIConnectionError = stripe.APIConnectionError(message, should_retry=True)  # type: ignore[no-untyped-call]  # the library's own
    return error


def _keep(store: Store, call: _Call) -> None:
    if call.key and call.method == "post":
        with store.objects() as objects:
            objects.answer_keep(call.key, f"{call.method} {call.path} {call.encoded}", 500, _BROKEN)


@cache
def simulated_http(path: str) -> SimulatedHttp:
    """The one of this process for this file."""
    return SimulatedHttp(path)


@cache
def simulator_client(path: str) -> stripe.StripeClient:
    """A client that asks the simulator."""
    return stripe.StripeClient("sk_test_simulated", max_network_retries=2, http_client=simulated_http(path))
