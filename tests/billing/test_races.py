"""Many at once: the last cents, the same finish, two settlements, crossing batches, everything while it settles."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from gateway.request_id import request_id_make
from tests.billing.books import Books, Purse

THREADS = 20


def at_once(place, work, *, threads=THREADS):
    """Run work(books, number) in so many threads, each with a connection of its own, all starting together."""
    barrier = Barrier(threads)

    def run(number):
        with place.connect() as connection:
            barrier.wait(timeout=10)
            return work(Books(connection), number)

    with ThreadPoolExecutor(threads) as executor:
        return list(executor.map(run, range(threads)))


@pytest.mark.parametrize("room", [1, 7, 19])
def test_the_last_cents(books, place, room):
    """20 threads want a cent each, `room` cents are there: exactly so many hold, and nothing is left over or short."""
    wallet = books.wallet(room / 100)
    answers = at_once(place, lambda own, _: own.hold(wallet, 0.01))
    refused = Counter(answer for answer in answers if isinstance(answer, str))
    assert refused == {"insufficient": THREADS - room}
    assert books.purse(wallet) == Purse(room / 100, held=room / 100)
    books.check()


@pytest.mark.parametrize("subject", ["key", "member", None])
def test_the_last_cents_of_a_limit(books, place, subject):
    """The wallet is rich; a key's, a member's or the whole organisation's limit has room for 5."""
    wallet, who = books.wallet(100), {subject: books.new_id()} if subject else {}
    books.limit(wallet, 0.05, **who)
    answers = at_once(place, lambda own, number: own.hold(wallet, 0.01, **(who or {"key": 1000 + number})))
    refusal = f"{subject}_limit" if subject else "organization_budget"
    assert Counter(answer for answer in answers if isinstance(answer, str)) == {refusal: THREADS - 5}
    books.check()


def test_one_finish_from_everywhere(books, place):
    """The same finish from 20 threads: charged once, and everyone else reads the amounts."""
    wallet = books.wallet(10)
    request = books.hold(wallet, 5)
    answers = at_once(place, lambda own, _: own.finish(request, wallet, 3))
    assert Counter(answers) == {("charged", 3, 0): 1, ("duplicate", 3, 0): THREADS - 1}
    assert books.purse(wallet) == Purse(7)


def test_reaper_against_gateway(books, place):
    """Whoever comes first, the customer pays the truth, once."""
    wallet = books.wallet(100)
    for _ in range(10):
        request = books.hold(wallet, 5)

        def work(own, number, request=request):
            if number % 2:
                return own.reap(request, wallet, 2)
            return own.finish(request, wallet, 3)

        answers = at_once(place, work, threads=6)
        results = Counter(result for result, _, _ in answers)
        assert results["charged"] == 1
        assert results["charged"] + results["late"] + results["duplicate"] == 6
    assert books.purse(wallet) == Purse(70)
    books.settle()
    books.check()


def test_one_credit_from_everywhere(books, place):
    wallet = books.wallet()
    answers = at_once(place, lambda own, _: own.credit(wallet, 5, f"once:{wallet}", reason="same"))
    assert Counter(answers) == {"credited": 1, "duplicate": THREADS - 1}
    assert books.purse(wallet) == Purse(5)
    books.check()


def test_wallets_opened_at_once(books, place):
    organization = books.one("INSERT INTO accounts_organization DEFAULT VALUES RETURNING id")
    wallets = at_once(place, lambda own, _: own.one("SELECT wallet_open(%s)", organization))
    assert len(set(wallets)) == 1
    books.check()


def test_batches_that_cross_never_deadlock(books, place):
    """Batches over the same 12 wallets, each in its own order, holding and finishing, with freezes in between."""
    wallets = [books.wallet(100) for _ in range(12)]

    def work(own, number):
        order = random.Random(number)
        for _ in range(10):
            mixed = order.sample(wallets, len(wallets))
            asked = [(request_id_make(), wallet, 0.02) for wallet in mixed]
            held = [
                ask for ask, (decision, _, _) in zip(asked, own.hold_many(asked), strict=True) if decision == "held"
            ]
            if number == 0:
                own.one("SELECT wallet_status_set(%s, %s)", mixed, order.choice(["frozen", "active"]))
            elif number == 1:
                own.settle(50)
            if held:
                order.shuffle(held)
                own.finish_many([(request, wallet, 0.01) for request, wallet, _ in held])

    at_once(place, work, threads=8)
    while books.settle():
        pass
    assert all(books.purse(wallet).held == 0 for wallet in wallets)
    books.check()


def test_two_settlements_at_once(books, place):
    """Each record is settled once, by one of them; granted credit is spent once."""
    while books.settle():
        pass
    wallets = [books.wallet(50, granted=1) for _ in range(3)]
    finished = [(books.hold(wallet, 0.5), wallet, 0.05) for wallet in wallets for _ in range(40)]
    books.finish_many(finished)

    def work(own, _):
        settled = 0
        while batch := own.settle(7):
            settled += batch
        return settled

    # Whoever finds the rest locked by others ends; a last sweep takes what a loser left.
    assert sum(at_once(place, work, threads=4)) + work(books, 0) == len(finished)
    for wallet in wallets:
        assert books.purse(wallet) == Purse(49, granted=0)
        assert books.balance("wallet", wallet) == 49
    books.check()


def test_the_books_hold_while_everything_runs(books, place):
    """One watcher asks for violations again and again while holds, finishes, credits and settlements go on."""
    wallets = [books.wallet(1, granted=0.5) for _ in range(4)]

    def work(own, number):
        chance = random.Random(number)
        if number == 0:
            for _ in range(25):
                own.check()
            return
        for turn in range(40):
            wallet = chance.choice(wallets)
            match chance.randrange(6):
                case 0:
                    own.credit(wallet, 0.1, f"{wallet}:{number}:{turn}", kind=chance.choice(["correction", "promo"]))
                case 1:
                    own.settle(20)
                case _:
                    request = own.hold(wallet, 0.05)
                    if not isinstance(request, str):
                        own.finish(request, wallet, chance.choice([0, 0.02, 0.05, 0.3]))

    at_once(place, work, threads=6)
    books.settle()
    books.check()
