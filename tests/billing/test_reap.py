"""The reaper: what a dead gateway left is billed at its checkpoint; one that was only paused pays the rest."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.billing.books import Books, Purse
from tests.billing.test_races import at_once

USED = '{"input_tokens": 40, "output_tokens": 7, "cost_nanos": 5, "route_id": 3, "upstream_protocol": "openai_chat"}'


def orphan(books, wallet, usd, **more):
    """A hold whose gateway died a minute ago."""
    return books.hold(wallet, usd, lease=books.lease(-60), **more)


def test_the_checkpoint_is_billed_and_the_rest_is_free(books):
    wallet = books.wallet(10)
    request = orphan(books, wallet, 4)
    books.progress((request, wallet, 1.5, 0), evidence=USED)
    assert books.sweep() >= 1
    assert books.purse(wallet) == Purse(8.5)
    told = books.record(request, "outcome", "source", "input_tokens", "output_tokens", "cost_nanos", "route_id")
    assert told == ("reaped", "checkpoint", 40, 7, 5, 3)
    books.settle()
    books.check()


def test_nothing_was_produced_so_nothing_is_charged(books):
    wallet = books.wallet(10)
    request = orphan(books, wallet, 4)
    books.sweep()
    assert books.purse(wallet) == Purse(10)
    assert books.record(request, "outcome", "charge_nanos", "output_tokens") == ("reaped", 0, 0)


@pytest.mark.parametrize(("told", "actual"), [(1.5, 2), (1.5, 0.5), (1.5, 1.5), (0, 3), (1.5, 0)])
def test_a_late_finish_bills_the_difference_once(books, told, actual):
    wallet = books.wallet(10)
    request = orphan(books, wallet, 4)
    books.progress((request, wallet, told, 0), evidence=USED)
    books.sweep()
    books.settle()
    assert books.finish(request, wallet, actual, input=40, output=2) == ("late", actual, 0)
    assert books.finish(request, wallet, actual, input=40, output=2) == ("duplicate", actual, 0)
    assert books.purse(wallet) == Purse(10 - actual)
    books.settle()
    books.check()


def test_a_progress_above_the_hold_is_billed_up_to_it(books):
    wallet = books.wallet(10)
    request = orphan(books, wallet, 1)
    books.progress((request, wallet, 3, 0))
    books.sweep()
    assert books.purse(wallet) == Purse(9)


def test_who_is_spared(books):
    """A live gateway's hold stays, unless it was not renewed for longer than it may be; both only after the grace."""
    wallet, alive = books.wallet(10), books.lease(60)
    kept = books.hold(wallet, 1, lease=alive)
    forgotten = books.hold(wallet, 2, lease=alive, ttl="-10 s")
    dying = books.hold(wallet, 3, lease=books.lease(-10))
    books.sweep(grace="15 s")
    assert books.purse(wallet) == Purse(10, held=6)
    books.sweep(grace="0 s")
    assert books.purse(wallet) == Purse(10, held=1)
    assert [books.progress((one, wallet, 0, 0))[0][0] for one in (kept, forgotten, dying)] == [
        "granted",
        "gone",
        "gone",
    ]


def test_an_outage_of_the_database_reaps_nobody(books):
    """While it was away nobody could renew: the grace begins when the server does."""
    wallet = books.wallet(10)
    books.hold(wallet, 1, lease=books.lease(-86_400))
    books.hold(wallet, 1, lease=books.lease(60), ttl="-1 day")
    seconds = books.one("SELECT extract(epoch FROM now() - pg_postmaster_start_time())::int")
    books.sweep(grace=f"{seconds + 60} s")
    assert books.purse(wallet) == Purse(10, held=2)
    books.sweep()
    assert books.purse(wallet) == Purse(10)


def test_many_reapers_and_late_finishes_at_once(books, place):
    wallet = books.wallet(10)
    requests = [orphan(books, wallet, 0.5) for _ in range(10)]
    books.progress(*((request, wallet, 0.2, 0) for request in requests))
    answers = at_once(
        place, lambda own, n: own.finish(requests[n], wallet, 0.1 * (n % 3))[0] if n < 10 else own.sweep()
    )
    assert set(answers[:10]) <= {"charged", "late"}
    books.sweep()
    assert books.purse(wallet) == Purse(9.1)  # three of them 0.1, three 0.2, four nothing
    books.settle()
    books.check()


def test_a_renewal_under_way_saves_its_hold(books, place):
    """The reaper has seen an orphan, and waits; meanwhile its gateway comes back."""
    wallet = books.wallet(10)
    lease = books.lease(-60)
    request = books.hold(wallet, 1, lease=lease)
    with ThreadPoolExecutor(1) as executor, place.connect() as reaper:
        with place.connect() as other, other.transaction():
            other.execute("UPDATE gateway_lease SET leased_until = now() + interval '1 min' WHERE id = %s", [lease])
            other.execute("SELECT 1 FROM hold WHERE request_id = %s FOR UPDATE", [request])
            sweeping = executor.submit(Books(reaper).sweep)
            waits = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s"
            until = time.monotonic() + 10
            while not books.one(waits, reaper.info.backend_pid):
                assert time.monotonic() < until
                time.sleep(0.005)  # until another session waits
        sweeping.result(timeout=10)
    assert books.progress((request, wallet, 0, 0))[0][0] == "granted"


def test_leases_that_own_nothing_are_forgotten(books):
    wallet = books.wallet(10)
    books.lease(-3600)  # Never the first of all: the holds of other stories name that one.
    old, used, young = books.lease(-3600), books.lease(-3600), books.lease(-60)
    books.hold(wallet, 1, lease=used)
    books.one("SELECT gateway_leases_forget('30 min')")
    left = books.connection.execute("SELECT id FROM gateway_lease WHERE id = ANY(%s)", [[old, used, young]]).fetchall()
    assert sorted(left) == sorted([(used,), (young,)])
    books.sweep()
