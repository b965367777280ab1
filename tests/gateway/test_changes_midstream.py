"""Prices, keys and limits that change while a stream runs: it goes on as it was admitted, the next one does not."""

import httpx

from accounts.services import api_key_revoke
from billing.limits import limit_set
from catalog.pricing import Usage
from catalog.services import catalog_load
from tests.gateway.platform import price_of, wait_until
from tests.gateway.protocols import OPENAI
from tests.gateway.rawclient import RawClient
from tests.upstreams import scripts
from tests.upstreams.server import Gate

WHOLE = Usage(input_tokens=1000, output_tokens=200)


class Stream:
    """One that is held open in its middle, and the answer after it."""

    def __init__(self, gateway_server, customer):
        self.customer, self.gate = customer, Gate()
        start, *rest = OPENAI.stream()
        again = scripts.stream(start, *rest)
        self.model = gateway_server.model(scripts.stream(start, rest[0], self.gate, *rest[1:]), again, again)
        self.url, self.client = gateway_server.url, RawClient(gateway_server.url)
        self.body = {"model": self.model.public_id, "stream": True, **OPENAI.body}
        self.client.post(OPENAI.path, self.body, headers=customer.bearer)
        self.gate.wait_reached()

    def end(self):
        """Proper, and charged whole at the price it began with."""
        self.gate.open()
        with self.client:
            self.client.read_until(OPENAI.proper_end)
        [row] = self.customer.used()
        assert (row.outcome, row.charge_nanos) == ("completed", price_of(WHOLE))

    def next_status(self, body=None):
        body = self.body if body is None else body
        return httpx.post(self.url + OPENAI.path, json=body, headers=self.customer.bearer, timeout=15).status_code


def test_a_price_changes(gateway_server, customer):
    stream = Stream(gateway_server, customer)
    changed = {
        "id": stream.model.public_id,
        "context_tokens": 200_000,
        "max_output_tokens": 7_999,  # which the gateway tells, once it has read the catalog anew
        "price": {"input": "300", "output": "1500"},
    }
    catalog_load({"providers": [], "models": [changed]}, environment={})
    page = f"{stream.url}/v1/models/{stream.model.public_id}"
    wait_until(lambda: httpx.get(page).json()["max_output_tokens"] == 7_999, "the new price is in force")
    stream.end()
    assert stream.next_status() == 200
    newest, _ = customer.used(requests=2)
    assert newest.charge_nanos == 100 * price_of(WHOLE)


def test_the_key_is_revoked(gateway_server, customer):
    stream = Stream(gateway_server, customer)
    api_key_revoke(organization_id=customer.organization_id, api_key_id=customer.api_key_id)
    # A request that is none would cost nothing, should the key still be good.
    wait_until(lambda: stream.next_status({}) == 401, "the key is known to be revoked")
    assert stream.next_status() == 401
    assert customer.wallet().held_nanos > 0
    stream.end()


def test_the_limit_is_lowered_below_what_runs(gateway_server, customer):
    stream = Stream(gateway_server, customer)
    limit_set(
        organization_id=customer.organization_id,
        api_key_id=customer.api_key_id,
        period="total",
        amount_nanos=10_000_000,
    )
    assert stream.next_status() == 402
    stream.end()
    assert stream.next_status() == 402
