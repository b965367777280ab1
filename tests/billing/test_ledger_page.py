"""The ledger's page: in order, adding up over any number of pages, filtered with true balances, as CSV."""

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from django.db import connection
from django.test import AsyncRequestFactory
from django.test.utils import CaptureQueriesContext

from billing import ledger
from billing.csv_answer import Cell, cell_guard, csv_answer
from billing.ledger import wallet_credit
from billing.statement import StatementFilter, statement_get, statement_lines, statement_totals
from tests.billing.test_admin import DjangoBooks
from tests.tokenoutput.pages import visitor

pytestmark = pytest.mark.django_db
USD = 1_000_000_000
PAGE = "billing/ledger"


@pytest.fixture
def ada():
    """Somebody with $5 of starter credit."""
    return visitor()


@pytest.fixture
def wallet(ada):
    return ledger.wallet_open(organization_id=ada.organization.id)


def credit(ada, usd, key, reason="a gift", kind="goodwill"):
    wallet_credit(organization_id=ada.organization.id, amount_nanos=round(usd * USD), key=key, kind=kind, reason=reason)


def use(wallet, usd):
    """A request, settled by itself: a transfer of its own."""
    books = DjangoBooks()
    books.finish(books.hold(wallet, usd), wallet, usd)
    books.settle()


@contextmanager
def ago(**back):
    """The ledger's clock stands back by so much."""
    clock = "CREATE OR REPLACE FUNCTION ledger_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS"
    books = DjangoBooks()
    seconds = timedelta(**back).total_seconds()
    books.connection.execute(f"{clock} $$ SELECT clock_timestamp() - interval '{seconds} s' $$".encode())
    yield
    books.connection.execute(f"{clock} $$ SELECT clock_timestamp() $$".encode())


def html_of(ada, query=""):
    response = ada.client.get(ada.path(PAGE) + query)
    return " ".join(response.content.decode().split())


def test_usage_of_an_hour_is_one_line_and_everything_adds_up(ada, wallet):
    for _ in range(3):
        use(wallet, 0.25)
    credit(ada, 7, "g1")
    use(wallet, 0.5)
    lines = statement_get(organization_id=ada.organization.id).lines
    assert [(line.kind, line.amount_nanos / USD, line.balance_nanos / USD) for line in lines] == [
        ("usage", -0.5, 10.75),
        ("goodwill", 7, 11.25),
        ("usage", -0.75, 4.25),
        ("promo", 5, 5),
    ]
    totals = statement_totals(organization_id=ada.organization.id)
    assert (totals.in_nanos / USD, totals.out_nanos / USD, totals.net_nanos / USD) == (12, -1.25, 10.75)
    html = html_of(ada)
    assert "In less out: the balance" in html
    assert '<data value="10.75" title="$10.75">$10.75</data>' in html
    footer = html[html.index("<tfoot") :]
    assert re.findall(r'<data value="([^"]+)"', footer) == ["0.00", "10.75", "10.75"]
    (link, _) = re.findall(r'href="([^"]+/requests\?[^"]+)"', html)
    requests = ada.client.get(link.replace("&amp;", "&"))
    assert requests.status_code == 200
    assert requests.content.decode().count("<time") == 4  # Of that day, each of them.


def test_hours_are_lines_of_their_own(ada, wallet):
    with ago(hours=2):
        use(wallet, 0.25)
    use(wallet, 0.25)
    lines = statement_get(organization_id=ada.organization.id).lines
    assert [line.amount_nanos / USD for line in lines] == [-0.25, -0.25, 5]
    assert lines[1].hour == lines[0].hour - timedelta(hours=2)


def test_page_after_page_no_line_twice_and_none_left_out(ada, wallet):
    for number in range(60):
        credit(ada, 1 + number / 100, f"n{number}", kind="goodwill")
        if number % 7 == 0:
            use(wallet, 0.01)
    seen, before = [], None
    while lines := statement_get(organization_id=ada.organization.id, before=before, limit=7).lines:
        seen += lines
        before = lines[-1].id
    assert len(seen) == 60 + 9 + 1
    for newer, older in pairwise(seen):
        assert newer.before_nanos == older.balance_nanos
    assert seen[-1].before_nanos == 0
    assert seen == list(statement_lines(organization_id=ada.organization.id))
    html = html_of(ada)
    assert html.count("</time>") == 50
    assert "Older" in html
    older = html_of(ada, f"?before={seen[49].id}")
    assert older.count("</time>") == 20
    assert "Newest" in older
    assert "Nothing older" in html_of(ada, "?before=1")
    assert ada.client.get(ada.path(f"{PAGE}?before=nonsense")).status_code == 404


def test_a_filtered_line_still_says_the_true_balance(ada, wallet):
    """What the filter hides counts all the same."""
    use(wallet, 0.25)
    credit(ada, 7, "g1")
    use(wallet, 0.5)
    credit(ada, 1, "g2")
    only = StatementFilter(kind="goodwill")
    lines = statement_get(organization_id=ada.organization.id, only=only).lines
    assert [(line.amount_nanos / USD, line.balance_nanos / USD) for line in lines] == [(1, 12.25), (7, 11.75)]
    usage = statement_get(organization_id=ada.organization.id, only=StatementFilter(kind="usage")).lines
    assert [(line.amount_nanos / USD, line.balance_nanos / USD) for line in usage] == [(-0.75, 11.25)]
    assert statement_totals(organization_id=ada.organization.id, only=only).net_nanos == 8 * USD
    html = html_of(ada, "?type=goodwill")
    assert "These lines together" in html
    assert '<data value="8.00" title="$8.00">$8.00</data>' in html
    assert "Nothing matches" in html_of(ada, "?type=refund")


def test_days_are_utc_and_both_are_meant(ada, wallet):
    with ago(days=3):
        credit(ada, 7, "g1")
    day = (datetime.now(UTC) - timedelta(days=3)).date()

    def found(first, last):
        lines = statement_get(organization_id=ada.organization.id, only=StatementFilter("", first, last)).lines
        return [line.amount_nanos // USD for line in lines]

    assert found(day, day) == [7]
    assert found(None, day) == [7]
    assert found(day + timedelta(days=1), None) == [5]
    assert found(day, None) == [7, 5]
    assert f'value="{day}"' in html_of(ada, f"?first={day}&last={day}")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?type=nonsense", "Select a valid choice"),
        ("?first=yesterday", "Enter a valid date"),
        ("?first=2026-11-02&last=2026-11-01", "The last day is before the first."),
    ],
)
def test_filters_that_cannot_be_are_said_beside_the_field(ada, query, said):
    response = ada.client.get(ada.path(PAGE) + query)
    assert response.status_code == 422
    assert said in response.content.decode()
    assert ada.client.get(ada.path(f"{PAGE}.csv") + query).status_code == 422


def csv_of(response):
    assert response["Content-Type"].startswith("text/csv")
    assert "attachment" in response["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


def test_csv_has_every_line_exactly_and_no_formula(ada, wallet):
    credit(ada, 1, "g1", reason='=HYPERLINK("https://evil.example.com")')
    use(wallet, 0.123456789)
    rows = csv_of(ada.client.get(ada.path(f"{PAGE}.csv")))
    assert [row["type"] for row in rows] == ["usage", "goodwill", "promo"]
    assert rows[1]["reason"] == '\'=HYPERLINK("https://evil.example.com")'
    assert rows[0]["amount_usd"] == "-0.123456789"
    amounts = [Decimal(row["amount_usd"]) for row in rows]
    assert sum(amounts) == Decimal(rows[0]["balance_after_usd"]) == Decimal("5.876543211")
    assert [row["type"] for row in csv_of(ada.client.get(ada.path(f"{PAGE}.csv?type=goodwill")))] == ["goodwill"]
    assert [cell_guard(cell) for cell in ("+1", "-1", "@x", "\tx", "\rx", "x=1", "", None, -1)] == [
        "'+1", "'-1", "'@x", "'\tx", "'\rx", "x=1", "", None, -1,
    ]  # fmt: skip


async def test_csv_streams_where_the_server_waits():
    """Under ASGI an iterator that blocks would be read whole first, and say so: warnings are errors here."""
    rows: Iterator[list[Cell]] = ([number, "x"] for number in range(1200))
    response = csv_answer(AsyncRequestFactory().get("/"), name="x.csv", header=["n", "s"], rows=rows)
    parts = [part.decode() async for part in aiter(response)]
    assert len(parts) == 4  # The header and three batches.
    assert "".join(parts).splitlines()[-1] == "1199,x"


def test_a_page_asks_the_same_number_of_questions_however_long_it_is(ada, wallet):
    def queries():
        with CaptureQueriesContext(connection) as asked:
            ada.client.get(ada.path(PAGE))
        return len(asked)

    few = queries()
    for number in range(55):
        credit(ada, 1, f"n{number}")
    assert queries() == few


def test_lines_of_others_are_not_there(ada):
    eve = visitor("eve")
    credit(ada, 7, "g1", reason="for ada alone")
    assert "for ada alone" in html_of(ada)
    assert "for ada alone" not in html_of(eve)
    for page in (PAGE, f"{PAGE}.csv"):
        assert eve.client.get(ada.path(page)).status_code == 404
