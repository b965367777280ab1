"""Old usage: days become a month, a month leaves the ledger, and the books hold all the while."""

import re
from datetime import UTC, date, datetime
from uuid import UUID

import psycopg
import pytest

from billing import retention
from gateway.request_id import request_id_make
from tests.billing.books import USD

MONTHS = iter(date(2020 + number // 12, number % 12 + 1, 1) for number in range(72))


@pytest.fixture
def month(books):
    """A month of the past that no other test uses, with a partition for each of its first days."""
    first = next(MONTHS)
    books.one("SELECT usage_partitions_ensure(%s::date, %s::date + 3)", first, first)
    return first


def request_at(day, hour=12):
    """A request of that day: an id that begins with its time."""
    moment = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    return UUID(int=(int(moment.timestamp() * 1000) << 80) | (request_id_make().int & (2**80 - 1)))


def used(books, wallet, month, *, days=(1, 2, 3), reaped=False):
    for day in days:
        request = books.hold(wallet, 1, request=request_at(month.replace(day=day)))
        if reaped:
            books.reap(request, wallet, 0.25)
        books.finish(request, wallet, 0.5, input=10, cost=0.1)
    books.settle()


def partitions(books, month):
    name = f"usage_record_{month:%Y%m}"
    query = (
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = 'usage_record'::regclass AND c.relname LIKE %s ORDER BY 1"
    )
    return [row[0].removeprefix(name) for row in books.connection.execute(query, [name + "%"]).fetchall()]


def test_a_month_of_days_becomes_one_and_every_record_is_still_there(books, month):
    wallet = books.wallet(100)
    used(books, wallet, month)
    used(books, wallet, month, days=(2,), reaped=True)
    every = "SELECT u::text FROM usage_record u WHERE wallet_id = %s ORDER BY id"
    before = books.connection.execute(every, [wallet]).fetchall()
    assert len(before) == 5
    assert books.one("SELECT usage_month_merge(%s)", month.replace(day=15)) == 5
    assert books.one("SELECT usage_month_merge(%s)", month) == 0
    assert partitions(books, month) == [""]
    assert books.connection.execute(every, [wallet]).fetchall() == before
    books.check()


def test_a_finish_that_comes_again_after_the_merge_is_a_duplicate(books, month):
    wallet, request = books.wallet(10), request_at(month)
    books.hold(wallet, 1, request=request)
    books.reap(request, wallet, 0.25)
    books.settle()
    books.one("SELECT usage_month_merge(%s)", month)
    assert books.hold(wallet, 1, request=request) == "resolved"
    assert books.finish(request, wallet, 0.5) == ("late", 0.5, 0)
    assert books.finish(request, wallet, 0.5) == ("duplicate", 0.5, 0)
    books.settle()
    books.check()


@pytest.mark.parametrize("open_by", ["hold", "unsettled", "young"])
def test_a_month_that_may_still_change_is_left_alone(books, month, open_by):
    wallet, request = books.wallet(10), request_at(month)
    first = month
    if open_by == "young":
        first = datetime.now(UTC).date().replace(day=1)
    else:
        books.hold(wallet, 1, request=request)
        if open_by == "unsettled":
            books.finish(request, wallet, 1)
    with pytest.raises(psycopg.Error) as caught:
        books.one("SELECT usage_month_merge(%s)", first)
    assert caught.value.sqlstate == "LG007"
    books.finish(request, wallet, 1)
    books.settle()
    books.check()


def test_a_month_that_is_taken_out_leaves_the_books_in_order(books, month):
    wallet, key = books.wallet(100), books.new_id()
    limit = books.limit(wallet, 50, key=key)
    request = books.hold(wallet, 2, key=key, request=request_at(month))
    books.finish(request, wallet, 2)
    used(books, wallet, month)
    assert books.one("SELECT usage_month_detach(%s)", month) == 0  # days first become a month
    books.one("SELECT usage_month_merge(%s)", month)
    assert books.one("SELECT usage_month_detach(%s)", month) == 4
    assert books.one("SELECT usage_month_detach(%s)", month) == 0
    assert partitions(books, month) == []
    assert books.one("SELECT count(*) FROM usage_record WHERE wallet_id = %s", wallet) == 0
    assert books.one(f"SELECT count(*) FROM usage_record_{month:%Y%m}") == 4
    assert books.one("SELECT sum(charge_nanos) FROM usage_hourly WHERE wallet_id = %s", wallet) == 3.5 * USD
    assert books.one("SELECT spent_nanos FROM spending_limit WHERE id = %s", limit) == 2 * USD
    books.finish(books.hold(wallet, 1, key=key), wallet, 1)
    books.settle()
    books.check()


def test_the_settings_decide_which_months(monkeypatch, settings):
    settings.USAGE_DAY_PARTITIONS, settings.USAGE_MONTHS_KEPT = 60, 3
    names = ["usage_record_20260801", "usage_record_20260830", "usage_record_20260901", "usage_record_20260915"]
    names += ["usage_record_202604", "usage_record_202607", "usage_record_202608", "usage_record_default"]
    monkeypatch.setattr(retention, "_partitions", lambda pattern: [n for n in names if re.fullmatch(pattern, n)])
    done = []

    def noting(what):
        def work(*, month):
            done.append((what, month))
            return 1

        return work

    for what in ("merge", "detach"):
        monkeypatch.setattr(f"billing.ledger.usage_month_{what}", noting(what))
    assert retention.usage_retain(today=date(2026, 11, 2)) == 3
    assert done == [("merge", date(2026, 8, 1)), ("detach", date(2026, 4, 1)), ("detach", date(2026, 7, 1))]
    done.clear()
    settings.USAGE_MONTHS_KEPT = 0
    assert retention.usage_retain(today=date(2026, 11, 30)) == 2
    assert {what for what, _ in done} == {"merge"}


@pytest.mark.django_db
def test_a_month_that_is_busy_waits_for_the_next_time(settings):
    """The real functions, on the real database: nothing is old enough, and a refusal is no failure."""
    settings.USAGE_DAY_PARTITIONS = -400
    assert retention.usage_retain(today=datetime.now(UTC).date()) == 0
