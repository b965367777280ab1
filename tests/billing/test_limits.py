"""Spending limits: the last cent in two connections, windows, overruns, and limits that change while requests run."""

from collections import Counter
from contextlib import contextmanager

import pytest

from gateway.request_id import request_id_make
from tests.billing.books import USD, Purse
from tests.billing.test_races import at_once

# Whose limit it is, as `Books.limit` and `Books.hold` say it: a budget is of neither key nor member.
SUBJECTS = {
    "key": lambda books: {"key": books.new_id()},
    "member": lambda books: {"member": books.new_id()},
    "budget": lambda _: {},
}
REFUSALS = {"key": "key_limit", "member": "member_limit", "budget": "organization_budget"}


@contextmanager
def clock(books, *, at):
    """The ledger's only clock stands at `at`, for this connection, until its transaction is taken back."""
    with books.connection.transaction(force_rollback=True):
        books.connection.execute(
            "CREATE OR REPLACE FUNCTION ledger_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS"
            f" $$ SELECT timestamptz '{at}' $$"
        )
        yield


def limit_of(books, limit):
    row = books.one("SELECT spent_nanos, held_nanos FROM spending_limit WHERE id = %s", limit)
    return tuple(nanos / USD for nanos in row) if row else None


@pytest.mark.parametrize("subject", ["key", "member", "budget"])
def test_two_limits_and_a_wallet_race_for_the_last_cent(books, place, subject):
    """Daily 9 cents, total 6: the smallest purse decides, to the cent, and nothing is held anywhere beyond it."""
    wallet, who = books.wallet(0.08), SUBJECTS[subject](books)
    daily = books.limit(wallet, 0.09, **who, period="daily")
    total = books.limit(wallet, 0.06, **who)
    answers = at_once(place, lambda own, _: own.hold(wallet, 0.01, **who), threads=16)
    assert Counter(answer for answer in answers if isinstance(answer, str)) == {REFUSALS[subject]: 10}
    assert limit_of(books, daily) == limit_of(books, total) == (0, 0.06)
    assert books.purse(wallet) == Purse(0.08, held=0.06)
    books.check()


@pytest.mark.parametrize("subject", ["key", "budget"])
def test_holding_while_the_limit_is_made_changed_and_removed(books, place, subject):
    """Whatever order they fall in: what a limit holds is what its open requests hold, and it ends at nothing."""
    wallet, who = books.wallet(100), SUBJECTS[subject](books)

    def work(own, number):
        for turn in range(12):
            if number == 0:
                limit = own.limit(wallet, 50 + turn, **who, period="monthly")
                if turn % 3 == 2:
                    assert own.one("SELECT ledger_limit_remove(%s, %s)", wallet, limit)
                continue
            request = own.hold(wallet, 0.01, **who)
            own.finish(request, wallet, 0.01)

    at_once(place, work, threads=5)
    limit = books.limit(wallet, 50, **who, period="monthly")
    assert limit_of(books, limit) == (0.48, 0)
    books.settle()
    books.check()


@pytest.mark.parametrize(
    ("period", "last", "first", "resets"),
    [
        ("daily", "2026-12-31 23:59:59+00", "2027-01-01 00:00:00+00", "2027-01-01 00:00:00+00"),
        ("weekly", "2026-12-06 23:59:59+00", "2026-12-07 00:00:00+00", "2026-12-07 00:00:00+00"),
        ("monthly", "2027-02-28 23:59:59+00", "2027-03-01 00:00:00+00", "2027-03-01 00:00:00+00"),
    ],
)
def test_a_window_ends_with_its_last_second_in_utc(books, period, last, first, resets):
    """Spent to the end; one second later all of it is there again, also for a request that began before."""
    books.connection.execute("SET TIME ZONE 'Asia/Tokyo'")
    wallet, key = books.wallet(100), books.new_id()
    with clock(books, at=last):
        limit = books.limit(wallet, 5, key=key, period=period)
        books.finish(books.hold(wallet, 2, key=key), wallet, 2)
        live = books.hold(wallet, 3, key=key)
        assert books.hold_many([(request_id_make(), wallet, 0.01)], key=key) == [("key_limit", 0, limit)]
        assert books.one("SELECT limit_resets(%s, ledger_now()) = %s::timestamptz", period, resets)
        with clock(books, at=first):
            assert books.hold_many([(request_id_make(), wallet, 2.01)], key=key) == [("key_limit", 2, limit)]
            assert books.finish(live, wallet, 3)[0] == "charged"  # counts where it ends
            assert limit_of(books, limit) == (3, 0)
            assert books.hold(wallet, 2, key=key) != "key_limit"
    assert books.one("SELECT limit_resets('total', now())") is None


def test_an_overrun_is_the_only_way_above_a_limit(books):
    """Usage above the hold is paid by the wallet and counted, above the limit too; then nothing is left of it."""
    wallet, key, member = books.wallet(100), books.new_id(), books.new_id()
    of_key, of_member = books.limit(wallet, 5, key=key), books.limit(wallet, 50, member=member)
    request = books.hold(wallet, 5, key=key, member=member)
    assert books.finish(request, wallet, 7) == ("charged", 7, 0)
    assert (limit_of(books, of_key), limit_of(books, of_member)) == ((7, 0), (7, 0))
    assert books.hold_many([(request_id_make(), wallet, 0)], key=key)[0][0] == "held"  # what is free stays free
    assert books.hold_many([(request_id_make(), wallet, 0.01)], key=key) == [("key_limit", 0, of_key)]
    books.settle()
    books.check()


def test_a_limit_taken_away_while_a_stream_runs(books):
    """The stream goes on and is charged; a limit made meanwhile knows of it, and counts what was spent."""
    wallet, key = books.wallet(100), books.new_id()
    limit = books.limit(wallet, 5, key=key, period="daily")
    done, live = books.hold(wallet, 1, key=key), books.hold(wallet, 2, key=key)
    books.finish(done, wallet, 1)
    assert books.one("SELECT ledger_limit_remove(%s, %s)", books.wallet(), limit) is False  # another's wallet
    assert books.one("SELECT ledger_limit_remove(%s, %s)", wallet, limit) is True
    assert books.one("SELECT ledger_limit_remove(%s, %s)", wallet, limit) is False
    assert books.hold(wallet, 50, key=key) != "key_limit"
    again = books.limit(wallet, 5, key=key, period="daily")
    assert limit_of(books, again) == (1, 52)
    assert books.finish(live, wallet, 2) == ("charged", 2, 0)
    assert limit_of(books, again) == (3, 50)
    books.settle()
    books.check()


def test_a_lowered_limit_stops_the_next_request_not_the_running_one(books):
    wallet, key = books.wallet(100), books.new_id()
    limit = books.limit(wallet, 5, key=key)
    live = books.hold(wallet, 4, key=key)
    assert books.limit(wallet, 1, key=key) == limit
    assert books.hold_many([(request_id_make(), wallet, 0.5)], key=key) == [("key_limit", 0, limit)]
    assert books.finish(live, wallet, 4) == ("charged", 4, 0)
    books.limit(wallet, 6, key=key)
    assert books.hold_many([(request_id_make(), wallet, 2.5)], key=key) == [("key_limit", 2, limit)]
    books.settle()
    books.check()


def test_a_budget_is_of_everything_in_its_organisation_and_of_nothing_else(books):
    """Every key and member counts, with or without limits of their own; the neighbour has a budget too."""
    wallet, other = books.wallet(100), books.wallet(100)
    key, member = books.new_id(), books.new_id()
    books.finish(books.hold(wallet, 1), wallet, 1)  # Before there was a budget: it counts.
    live = books.hold(wallet, 2, key=key)
    budget, theirs = books.limit(wallet, 9, period="monthly"), books.limit(other, 3, period="monthly")
    of_key = books.limit(wallet, 5, key=key)
    assert limit_of(books, budget) == (1, 2)
    books.finish(books.hold(wallet, 1, member=member), wallet, 1)
    assert books.hold_many([(request_id_make(), wallet, 4)], key=key) == [("key_limit", 3, of_key)]
    assert books.hold_many([(request_id_make(), wallet, 5.01)]) == [("organization_budget", 5, budget)]
    assert books.hold_many([(request_id_make(), other, 3.01)]) == [("organization_budget", 3, theirs)]
    assert books.hold_many([(request_id_make(), wallet, 5), (request_id_make(), other, 3)]) == [
        ("held", 5, None),
        ("held", 3, None),
    ]
    assert books.finish(live, wallet, 2) == ("charged", 2, 0)
    assert (limit_of(books, budget), limit_of(books, of_key), limit_of(books, theirs)) == ((4, 5), (2, 0), (0, 3))
    books.settle()
    books.check()
    assert books.limit(wallet, 8, period="monthly") == budget  # Changed, not made again.
    assert books.one("SELECT ledger_limit_remove(%s, %s)", other, budget) is False
    assert books.one("SELECT ledger_limit_remove(%s, %s)", wallet, budget) is True


def test_a_renewal_asks_the_budget_too(books):
    """A stream that wants more than the budget has left may use up what it holds."""
    wallet = books.wallet(100)
    books.limit(wallet, 3, period="daily")
    request = books.hold(wallet, 2)
    assert books.progress((request, wallet, 1, 0.5)) == [("granted", 3 - 2)]
    assert books.progress((request, wallet, 1, 1)) == [("organization_budget", 0.5)]
    assert books.finish(request, wallet, 2.5) == ("charged", 2.5, 0)
    books.settle()
    books.check()
