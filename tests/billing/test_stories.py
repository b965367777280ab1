"""Worked examples: the balance after each line, the books at the end, and every message a second time."""

import json

import psycopg
import pytest

from gateway.request_id import request_id_make
from tests.billing.books import USD, Purse


def test_a_request(books):
    """Top up 100, hold 30, use 12: 88 are left and nothing is held."""
    wallet = books.wallet(100)
    assert books.purse(wallet) == Purse(100)
    request = books.hold(wallet, 30)
    assert books.purse(wallet) == Purse(100, held=30)
    assert books.finish(request, wallet, 12, cost=9, input=1000, output=50) == ("charged", 12, 0)
    assert books.purse(wallet) == Purse(88)
    revenue, cost = books.balance("revenue"), books.balance("cost_of_goods")
    assert books.settle() >= 1
    assert books.purse(wallet) == Purse(88)
    assert books.balance("wallet", wallet) == 88
    assert round(books.balance("revenue") - revenue, 6) >= 12
    assert round(books.balance("cost_of_goods") - cost, 6) <= -9
    books.check()
    # The same messages again, before and after settlement, move nothing.
    assert books.hold(wallet, 30, request=request) == "resolved"
    assert books.finish(request, wallet, 12) == ("duplicate", 12, 0)
    assert books.finish(request, wallet, 13) == ("conflict", 12, 0)
    assert books.purse(wallet) == Purse(88)
    books.settle()
    books.check()


def test_the_same_hold_twice(books):
    """A hold whose answer was lost is asked for again: one hold."""
    wallet = books.wallet(10)
    request = books.hold(wallet, 4)
    assert books.hold(wallet, 4, request=request) == "exists"
    assert books.hold(wallet, 5, request=request) == "conflict"
    assert books.purse(wallet) == Purse(10, held=4)
    books.finish(request, wallet, 0, outcome="void", source="none")
    books.check()


def test_void_is_free(books):
    """The upstream failed before any content: all of it comes back, whatever the charge says."""
    wallet = books.wallet(10)
    request = books.hold(wallet, 4)
    assert books.finish(request, wallet, 3, outcome="void", source="none") == ("charged", 0, 0)
    assert books.purse(wallet) == Purse(10)
    assert books.finish(request, wallet, 3, outcome="void", source="none") == ("duplicate", 0, 0)
    books.settle()
    books.check()


def test_not_enough(books):
    """2 are left: 3 are refused with what there is, 2 pass."""
    wallet = books.wallet(5)
    request = books.hold(wallet, 3)
    assert books.hold_many([(request_id_make(), wallet, 3)]) == [("insufficient", 2, None)]
    assert books.hold_many([(request_id_make(), wallet, 2)])[0][0] == "held"
    assert books.purse(wallet) == Purse(5, held=5)
    books.finish(request, wallet, 3)
    assert books.purse(wallet) == Purse(2, held=2)
    books.check()


def test_a_batch_sees_itself(books):
    """In one batch each request sees what the earlier took, and a wallet in need does not stop another."""
    poor, rich = books.wallet(5), books.wallet(100)
    asked = [(poor, 3), (poor, 3), (rich, 50), (poor, 2), (rich, 51), (9_999_999, 1)]
    answers = books.hold_many([(request_id_make(), wallet, usd) for wallet, usd in asked])
    assert [decision for decision, _, _ in answers] == [
        "held",
        "insufficient",
        "held",
        "held",
        "insufficient",
        "invalid",
    ]
    assert (books.purse(poor), books.purse(rich)) == (Purse(5, held=5), Purse(100, held=50))


def test_above_the_hold(books):
    """Usage never makes debt: above the hold the wallet pays what is free, the rest is ours."""
    wallet = books.wallet(10)
    small, large = books.hold(wallet, 2), books.hold(wallet, 5)
    assert books.finish(small, wallet, 6) == ("charged", 5, 1)
    assert books.purse(wallet) == Purse(5, held=5)
    assert books.finish(small, wallet, 6) == ("duplicate", 5, 1)
    assert books.finish(large, wallet, 5) == ("charged", 5, 0)
    assert books.purse(wallet) == Purse(0)
    books.settle()
    books.check()


def test_two_overruns_in_one_batch(books):
    """The largest excess bears the write-off, and nobody who stayed within the hold does."""
    wallet = books.wallet(10)
    requests = [books.hold(wallet, 3) for _ in range(3)]
    charges = [3, 5, 4]
    answers = books.finish_many([(request, wallet, usd) for request, usd in zip(requests, charges, strict=True)])
    assert answers == [("charged", 3, 0), ("charged", 3, 2), ("charged", 4, 0)]
    assert books.purse(wallet) == Purse(0)
    books.settle()
    books.check()


@pytest.mark.parametrize("actual", [7, 3, 5], ids=["more", "less", "same"])
def test_late_finish(books, actual):
    """The reaper billed 5 at the checkpoint; the gateway comes back: the difference is booked, once."""
    wallet = books.wallet(20)
    request = books.hold(wallet, 10)
    assert books.reap(request, wallet, 5) == ("charged", 5, 0)
    assert books.purse(wallet) == Purse(15)
    books.settle()
    assert books.finish(request, wallet, actual, output=10) == ("late", actual, 0)
    assert books.purse(wallet) == Purse(20 - actual)
    assert books.finish(request, wallet, actual, output=10) == ("duplicate", actual, 0)
    assert books.reap(request, wallet, 5) == ("duplicate", actual, 0)
    assert books.finish(request, wallet, actual + 1) == ("conflict", actual, 0)
    first, late = books.connection.execute(
        "SELECT id, corrects_id FROM usage_record WHERE wallet_id = %s ORDER BY corrects_id NULLS FIRST", [wallet]
    ).fetchall()
    assert first == (request, None)
    assert late[1] == request != late[0]
    books.settle()
    books.check()


def test_granted_credit_goes_first(books):
    """5 given, 10 bought, 12 used: what is left is bought. Then 3 more are given and go before the rest."""
    wallet = books.wallet(10, granted=5)
    assert books.purse(wallet) == Purse(15, granted=5)
    books.finish(books.hold(wallet, 3), wallet, 3)
    assert books.purse(wallet) == Purse(12, granted=5)  # it is taken off at settlement
    books.settle()
    assert books.purse(wallet) == Purse(12, granted=2)
    books.finish(books.hold(wallet, 9), wallet, 9)
    books.settle()
    assert books.purse(wallet) == Purse(3)
    assert books.credit(wallet, 3, f"sorry:{wallet}", kind="goodwill") == "credited"
    assert books.credit(wallet, 3, f"sorry:{wallet}", kind="goodwill") == "duplicate"
    books.finish(books.hold(wallet, 1), wallet, 1)
    books.settle()
    assert books.purse(wallet) == Purse(5, granted=2)
    books.check()


def test_debt_is_repaid_first(books):
    """8 owed: nothing new is admitted, a live request goes on, its freed money and the next top-up repay."""
    wallet = books.wallet(5, granted=2)
    request = books.hold(wallet, 6)
    books.owe(wallet, 8)
    assert books.hold(wallet, 1) == "debt"
    assert books.finish(request, wallet, 4) == ("charged", 4, 0)
    assert books.purse(wallet) == Purse(3, debt=8, granted=2)
    books.settle()
    assert books.purse(wallet) == Purse(0, debt=5)
    assert books.credit(wallet, 7, f"topup:{wallet}") == "credited"
    assert books.purse(wallet) == Purse(2)
    assert books.credit(wallet, 7, f"topup:{wallet}") == "duplicate"
    assert books.purse(wallet) == Purse(2)
    assert isinstance(books.hold(wallet, 2), type(request))
    books.check()


def test_a_grant_repays_too(books):
    """Given money is worth as much against a debt, and does not outlive the repayment."""
    wallet = books.wallet()
    books.owe(wallet, 3)
    books.credit(wallet, 5, f"promo:{wallet}", kind="promo")
    assert books.purse(wallet) == Purse(2, granted=2)
    books.check()


def test_frozen(books):
    """A frozen wallet admits nothing; what is live finishes and is charged."""
    wallet = books.wallet(10)
    request = books.hold(wallet, 5)
    assert books.one("SELECT wallet_status_set(%s, 'frozen')", [wallet]) == 1
    assert books.one("SELECT wallet_status_set(%s, 'frozen')", [wallet]) == 0
    assert books.hold(wallet, 1) == "frozen"
    assert books.finish(request, wallet, 2) == ("charged", 2, 0)
    books.one("SELECT wallet_status_set(%s, 'active')", [wallet])
    assert books.finish(books.hold(wallet, 8), wallet, 8) == ("charged", 8, 0)
    books.settle()
    books.check()


def test_key_used_for_something_else(books):
    """The same key with other content is an error by name, and nothing moves."""
    wallet, other = books.wallet(1), books.wallet()
    for arguments in [(wallet, 2, f"first:{wallet}"), (other, 1, f"first:{wallet}")]:
        with pytest.raises(psycopg.Error) as caught:
            books.credit(*arguments)
        assert caught.value.sqlstate == "LG001"
    with pytest.raises(psycopg.Error, match="no kind of credit"):
        books.credit(wallet, 1, "other", kind="usage")
    assert (books.purse(wallet), books.purse(other)) == (Purse(1), Purse(0))
    books.check()


def test_wrong_requests(books):
    """Foreign wallets, unknown ids, ids of another version, negative amounts, the same id twice: nothing is held."""
    wallet, other = books.wallet(10), books.wallet(10)
    request = books.hold(wallet, 4)
    assert books.finish(request, other, 1) == ("conflict", 0, 0)
    assert books.finish(request_id_make(), wallet, 1) == ("unknown", 0, 0)
    assert books.hold(wallet, 1, request=books.one("SELECT gen_random_uuid()")) == "invalid"
    assert books.hold(wallet, -1) == "invalid"
    twice = request_id_make()
    assert [answer[0] for answer in books.hold_many([(twice, wallet, 1), (twice, wallet, 1)])] == ["held", "invalid"]
    assert books.finish_many([(twice, wallet, 1), (twice, wallet, 1)]) == [("charged", 1, 0)]
    assert books.finish(request, wallet, 4) == ("charged", 4, 0)
    assert books.finish(request, other, 4) == ("conflict", 4, 0)
    assert books.purse(wallet) == Purse(5)
    books.settle()
    books.check()


def test_spending_limits(books):
    """A key may spend 5 a month, its member 7: the smallest purse decides, and a new limit knows what was before it."""
    wallet = books.wallet(100)
    key, other, member = books.new_id(), books.new_id(), books.new_id()
    settled, waiting = (books.hold(wallet, 1, key=key, member=member) for _ in range(2))
    books.finish(settled, wallet, 1)
    books.settle()
    books.finish(waiting, wallet, 1)
    live = books.hold(wallet, 2, key=key, member=member)
    key_limit = books.limit(wallet, 5, key=key, period="monthly")
    member_limit = books.limit(wallet, 7, member=member)
    assert books.hold_many([(request_id_make(), wallet, 2)], key=key, member=member) == [("key_limit", 1, key_limit)]
    other_key = books.hold(wallet, 2, key=other, member=member)
    assert books.hold_many([(request_id_make(), wallet, 2)], key=other, member=member) == [
        ("member_limit", 1, member_limit)
    ]
    assert books.finish(live, wallet, 2) == ("charged", 2, 0)
    assert books.finish(other_key, wallet, 0.5) == ("charged", 0.5, 0)
    assert books.limit(wallet, 6, key=key, period="monthly") == key_limit
    assert books.hold(wallet, 3, key=key, member=member) == "key_limit"
    last = books.hold(wallet, 2, key=key, member=member)
    books.check()
    books.finish(last, wallet, 0, outcome="void", source="none")
    books.settle()
    books.check()


def test_a_limit_starts_again_with_its_window(books):
    """What was spent yesterday does not count against today."""
    wallet = books.wallet(100)
    key = books.new_id()
    limit = books.limit(wallet, 5, key=key, period="daily")
    books.finish(books.hold(wallet, 5, key=key), wallet, 5)
    assert books.hold(wallet, 1, key=key) == "key_limit"
    books.connection.execute(
        "UPDATE spending_limit SET window_start = window_start - interval '1 day' WHERE id = %s", [limit]
    )
    request = books.hold(wallet, 5, key=key)
    # The window moved on with that hold, so what was spent before it is no longer counted here.
    assert books.one("SELECT spent_nanos, held_nanos FROM spending_limit WHERE id = %s", limit) == (0, 5 * USD)
    books.finish(request, wallet, 5)
    books.settle()
    books.connection.execute("UPDATE spending_limit SET spent_nanos = spent_nanos + %s WHERE id = %s", [5 * USD, limit])
    books.check()


def test_a_limit_belongs_to_one_wallet(books):
    wallet, other = books.wallet(1), books.wallet(1)
    key = books.new_id()
    books.limit(wallet, 5, key=key)
    with pytest.raises(psycopg.Error) as caught:
        books.limit(other, 5, key=key)
    assert caught.value.sqlstate == "LG004"


def test_hours_add_up(books):
    """Roll-ups count requests and tokens by hour, key and model, over any number of settlements."""
    wallet = books.wallet(10)
    for _ in range(3):
        books.finish(books.hold(wallet, 1), wallet, 1, input=10, output=5, reasoning=2, cost=0.5)
        books.settle()
    hourly = "SELECT sum(requests), sum(input_tokens), sum(output_tokens), sum(charge_nanos) FROM usage_hourly"
    assert books.one(f"{hourly} WHERE wallet_id = %s", wallet) == (3, 30, 15, 3 * USD)
    books.check()


def test_notices(books, place):
    """Money in and settlement are told once for each wallet; hold and finish are not."""
    wallet = books.wallet(10)
    books.settle()
    with place.connect() as listener:
        listener.execute("LISTEN wallet")
        books.finish(books.hold(wallet, 1), wallet, 1)
        assert list(listener.notifies(timeout=0.1)) == []
        books.settle()
        books.credit(wallet, 1, f"more:{wallet}")
        told = [json.loads(notice.payload) for notice in listener.notifies(timeout=2, stop_after=2)]
    assert [notice["wallet_id"] for notice in told] == [wallet, wallet]


def test_leases(books):
    """A lease lives by the database's clock; one that does not exist can't be renewed."""
    lease = books.one("SELECT gateway_lease_open('here:1', '30 s')")
    assert books.one("SELECT gateway_lease_renew(%s, '60 s')", lease) is True
    assert books.one("SELECT leased_until > now() + '50 s' FROM gateway_lease WHERE id = %s", lease) is True
    assert books.one("SELECT gateway_lease_renew(-1, '60 s')") is None
