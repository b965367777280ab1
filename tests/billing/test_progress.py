"""Renewals: live requests tell what they used, hold on, and get more money or learn why not."""

import pytest

from gateway.request_id import request_id_make
from tests.billing.books import Purse
from tests.billing.test_races import at_once


def test_progress_is_recorded_and_the_hold_lives_on(books):
    wallet = books.wallet(10)
    request = books.hold(wallet, 2, ttl="1 s")
    assert books.progress((request, wallet, 0.5, 0), evidence='{"output_tokens": 7}') == [("granted", 8)]
    progress, evidence, lives = books.one(
        "SELECT progress_nanos / 1e9, evidence, expires_at > now() + interval '50 min' FROM hold WHERE request_id = %s",
        request,
    )
    assert (float(progress), evidence, lives) == (0.5, {"output_tokens": 7}, True)
    # Less than before is old news, and no evidence leaves what there is.
    books.progress((request, wallet, 0.25, 0))
    query = "SELECT progress_nanos / 1e9, evidence FROM hold WHERE request_id = %s"
    assert books.one(query, request) == (0.5, {"output_tokens": 7})
    assert books.purse(wallet) == Purse(10, held=2)


def test_more_money_is_granted_while_there_is_some(books):
    wallet = books.wallet(5)
    request = books.hold(wallet, 2)
    assert books.progress((request, wallet, 1, 2)) == [("granted", 3)]
    assert books.progress((request, wallet, 3, 2)) == [("insufficient", 1)]
    assert books.purse(wallet) == Purse(5, held=4)
    assert books.finish(request, wallet, 4) == ("charged", 4, 0)
    books.check()


def test_what_stands_in_the_way(books):
    rich, key = books.wallet(100), books.new_id()
    books.limit(rich, 3, key=key)
    limited = books.hold(rich, 2, key=key)
    frozen_wallet, indebted_wallet = books.wallet(10), books.wallet(10)
    frozen, indebted = books.hold(frozen_wallet, 1), books.hold(indebted_wallet, 1)
    books.one("SELECT wallet_status_set(%s, 'frozen')", [frozen_wallet])
    books.owe(indebted_wallet, 1)
    answers = books.progress(
        (limited, rich, 0, 2), (frozen, frozen_wallet, 0, 1), (indebted, indebted_wallet, 0, 1), (limited, rich, 0, 1)
    )
    assert [decision for decision, _ in answers] == ["key_limit", "frozen", "debt", "busy"]
    assert answers[0][1] == 1
    # A refusal of more leaves what is held.
    assert books.progress((frozen, frozen_wallet, 0.5, 0))[0][0] == "granted"


@pytest.mark.parametrize("finished", [True, False])
def test_a_hold_that_is_gone(books, finished):
    wallet = books.wallet(10)
    request = books.hold(wallet, 1) if finished else request_id_make()
    if finished:
        books.finish(request, wallet, 1)
    assert books.progress((request, wallet, 0, 1))[0][0] == "gone"
    assert books.progress((books.hold(wallet, 1), books.wallet(1), 0, 1))[0][0] in ("gone", "busy")
    books.check()


def test_a_hold_that_another_session_has_is_busy(books, place):
    wallet = books.wallet(10)
    requests = [books.hold(wallet, 1) for _ in range(2)]
    books.one("SELECT set_config('lock_timeout', '2s', false)")
    with place.connect() as other, other.transaction():
        other.execute("SELECT 1 FROM hold WHERE request_id = %s FOR UPDATE", [requests[0]])
        assert [each[0] for each in books.progress(*((one, wallet, 0, 1) for one in requests))] == ["busy", "granted"]
    assert books.purse(wallet) == Purse(10, held=3)


def test_the_last_cents_of_many_renewals(books, place):
    """20 streams want a cent more each, 7 cents are left: exactly so many get it."""
    wallet = books.wallet(0.27)
    requests = [books.hold(wallet, 0.01) for _ in range(20)]
    answers = at_once(place, lambda own, number: own.progress((requests[number], wallet, 0.01, 0.01)))
    assert sorted(answer for ((answer, _),) in answers) == ["granted"] * 7 + ["insufficient"] * 13
    assert books.purse(wallet) == Purse(0.27, held=0.27)
    books.check()
