"""Requests a minute and at once: 429 with Retry-After and the rate headers, nothing held, and money told apart."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.gateway.platform import served, wait_until
from tests.gateway.protocols import ANTHROPIC, HELLO, OPENAI, both
from tests.upstreams import scripts
from tests.upstreams.server import Gate

LIMITED = {"key_requests_per_minute": 3, "organization_requests_per_minute": 5, "count_tokens_per_minute": 2}


@pytest.fixture(scope="module")
def limited_server(database, upstream):
    with served(upstream, **LIMITED, key_concurrency=2, organization_concurrency=3) as server:
        yield server


def second_key(customer):
    from accounts.services import api_key_create  # noqa: PLC0415 -- needs Django set up

    return {"authorization": f"Bearer {api_key_create(organization_id=customer.organization_id, name='other').secret}"}


@both
def test_a_keys_requests_a_minute(limited_server, protocol):
    customer = limited_server.customer()
    model = limited_server.model(scripts.whole(protocol.answer()), protocol=protocol.name)
    body = {"model": model.public_id, **protocol.body}
    with limited_server.client(customer) as client:
        answers = [client.post(protocol.path, json=body) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    names = "x-ratelimit-{}-requests" if protocol is OPENAI else "anthropic-ratelimit-requests-{}"
    assert [answer.headers[names.format("limit")] for answer in answers[:3]] == ["3"] * 3
    assert [answer.headers[names.format("remaining")] for answer in answers[:3]] == ["2", "1", "0"]
    assert answers[0].headers[names.format("reset")]
    refused = answers[3]
    assert 1 <= int(refused.headers["retry-after"]) <= 20
    expected = "rate_limit_exceeded" if protocol is OPENAI else "rate_limit_error"
    assert protocol.error_type(refused.json()) == expected
    assert "Nothing was charged" in refused.json()["error"]["message"]
    assert len(customer.used(requests=3)) == 3


def test_a_refusal_says_how_much_is_left(limited_server):
    """The headers are on the refusal too: clients pace themselves by them."""
    customer = limited_server.customer()
    model = limited_server.model(scripts.whole(OPENAI.answer()))
    with limited_server.client(customer) as client:
        for _ in range(3):
            client.post(OPENAI.path, json={"model": model.public_id, **OPENAI.body})
        refused = client.post(OPENAI.path, json={"model": model.public_id, **OPENAI.body})
    assert refused.status_code == 429
    assert refused.headers["x-ratelimit-limit-requests"] == "3"
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"


def test_an_organisations_requests_a_minute(limited_server):
    customer = limited_server.customer()
    model = limited_server.model(scripts.whole(OPENAI.answer()))
    other = second_key(customer)
    body = {"model": model.public_id, **OPENAI.body}
    with limited_server.client() as client:
        codes = [
            client.post(OPENAI.path, json=body, headers=headers).status_code
            for headers in [customer.bearer] * 3 + [other] * 3
        ]
    assert codes == [200, 200, 200, 200, 200, 429]


def test_somebody_elses_requests_do_not_count(limited_server):
    model = limited_server.model(scripts.whole(OPENAI.answer()))
    for _ in range(3):
        customer = limited_server.customer()
        with limited_server.client(customer) as client:
            for _ in range(3):
                assert client.post(OPENAI.path, json={"model": model.public_id, **OPENAI.body}).status_code == 200


def test_requests_at_once(limited_server):
    customer = limited_server.customer()
    gate = Gate()
    model = limited_server.model(scripts.whole(OPENAI.answer(), gate=gate))
    body = {"model": model.public_id, **OPENAI.body}
    with limited_server.client(customer) as client, ThreadPoolExecutor() as pool:
        running = [pool.submit(client.post, OPENAI.path, json=body) for _ in range(2)]
        wait_until(lambda: len(model.requests()) == 2, "two running")
        refused = client.post(OPENAI.path, json=body)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        assert len(model.requests()) == 2
        gate.open()
        assert [one.result().status_code for one in running] == [200, 200]
    assert len(customer.used(requests=2)) == 2


def test_counting_tokens_is_outside_the_limits_of_requests(limited_server):
    customer = limited_server.customer()
    model = limited_server.model(scripts.whole({"input_tokens": 9}), protocol="anthropic_messages")
    with limited_server.client(customer) as client:
        body = {"model": model.public_id, "messages": HELLO}
        codes = [client.post("/v1/messages/count_tokens", json=body).status_code for _ in range(3)]
        assert codes == [200, 200, 429]
        model.on(scripts.whole(ANTHROPIC.answer()))
        codes = [client.post("/v1/messages", json={**body, "max_tokens": 5}).status_code for _ in range(4)]
        assert codes == [200, 200, 200, 429]


def test_a_bad_request_takes_nothing_of_the_allowance(limited_server):
    customer = limited_server.customer()
    model = limited_server.model(scripts.whole(OPENAI.answer()))
    with limited_server.client(customer) as client:
        for _ in range(5):
            assert client.post(OPENAI.path, json={"model": model.public_id}).status_code == 400
        assert client.post(OPENAI.path, json={"model": model.public_id, **OPENAI.body}).status_code == 200


def test_no_money_is_402_and_not_429(limited_server):
    broke = limited_server.customer(credit="0")
    model = limited_server.model(scripts.whole(OPENAI.answer()))
    with limited_server.client(broke) as client:
        refused = client.post(OPENAI.path, json={"model": model.public_id, **OPENAI.body})
    assert refused.status_code == 402
    assert "retry-after" not in refused.headers
