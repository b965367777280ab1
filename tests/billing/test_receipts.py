"""Receipts page by page with their refunds, a year as CSV and ZIP, and the monthly statement: all adding up."""

import csv
import io
import re
import zipfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.test import Client

from accounts.services import api_key_create
from billing import ledger
from billing.models import Refund, Topup
from billing.monthly import month_statement
from billing.receipts import receipts_page
from billing.refunds import refund_ask
from tests.api.programs import program
from tests.billing.payments import USD
from tests.billing.test_admin import DjangoBooks
from tests.billing.test_ledger_page import ago
from tests.tokenoutput.pages import catalog_make, member, visitor

THIS_MONTH = f"{datetime.now(UTC):%Y-%m}"
YEAR = datetime.now(UTC).year


@pytest.fixture
def ada(payments):
    return payments.host


def page_of(who, page="billing/receipts"):
    return " ".join(who.client.get(who.path(page)).content.decode().split())


def csv_of(who, page):
    response = who.client.get(who.path(page))
    assert response.status_code == 200
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


def refund(ada, topup, usd):
    page = ada.path(f"billing/payments/{topup.id}/refund")
    assert ada.client.post(page, {"amount_usd": usd, "once": uuid4()}).status_code == 302


def test_before_the_first_payment(ada):
    html = page_of(ada)
    assert "No payments yet" in html
    assert "Add money" in html
    assert "No payments yet" in page_of(ada, "billing")


def test_a_refund_stands_below_its_payment_and_names_it(payments, ada):
    topup = payments.topped_up(20)
    refund(ada, topup, "5")
    payments.told()
    (receipt,) = receipts_page(organization_id=ada.organization.id)
    html = page_of(ada)
    assert receipt.number in html
    assert f"Refund of {receipt.number}" in html
    assert f'href="#payment-{topup.id}"' in html
    assert html.index(receipt.number) < html.index(receipt.refunds[0].number)
    ledger_html = page_of(ada, "billing/ledger")
    assert ledger_html.count(f"billing/receipts#payment-{topup.id}") == 2  # The payment's line and the refund's.
    rows = csv_of(ada, f"billing/receipts/{YEAR}.csv")
    assert [(row["type"], row["reverses"], row["amount_usd"]) for row in rows] == [
        ("payment", "", "20.00"),
        ("refund", receipt.number, "-5.00"),
    ]
    assert sum(Decimal(row["total_usd"]) for row in rows) == 15


def zip_of(who, year=YEAR):
    answer = who.client.get(who.path(f"billing/receipts/{year}.zip"))
    name = f"receipts-{who.organization.slug}-{year}"
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    assert answer["Content-Disposition"] == f'attachment; filename="{name}.zip"'
    parts = list(answer.streaming_content)
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as archive:
        assert archive.testzip() is None
        return {path.removeprefix(f"{name}/"): archive.read(path).decode() for path in archive.namelist()}, parts


def test_a_year_is_one_file_with_a_document_for_each(payments, ada):
    ada.client.post(ada.path("billing/profile"), {"name": "=1+<b>1</b>", "tax_id": "GB1", "country": "GB"})
    topup = payments.topped_up(20)
    refund(ada, topup, "5")
    payments.topped_up(30)
    files, parts = zip_of(ada)
    (receipt,) = [one for one in receipts_page(organization_id=ada.organization.id) if one.payment.id == topup.id]
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    documents = [name for name in files if name.endswith(".html")]
    assert len(documents) == 3
    assert len(parts) > 3  # Sent as it is made.
    assert all(re.fullmatch(rf"{today}_[PR]-[0-9A-F]{{8}}\.html", name) for name in documents)
    paid, back = files[f"{today}_{receipt.number}.html"], files[f"{today}_{receipt.refunds[0].number}.html"]
    for words in (receipt.number, "$20.00", "=1+&lt;b&gt;1&lt;/b&gt;", "Tax id GB1", "United Kingdom", "TokenOutput"):
        assert words in paid, words
    assert receipt.refunds[0].number in paid
    assert f'<a href="{today}_{receipt.number}.html">Reverses {receipt.number}</a>' in " ".join(back.split())
    assert not re.search(r"<script|<link|<img|src=|url\(|{[{%]", paid + back)
    table = files[f"receipts-{ada.organization.slug}-{YEAR}.csv"]
    assert list(csv.DictReader(io.StringIO(table))) == csv_of(ada, f"billing/receipts/{YEAR}.csv")
    rows = csv_of(ada, f"billing/receipts/{YEAR}.csv")
    assert {(row["billed_to"], row["tax_id"]) for row in rows} == {("'=1+<b>1</b>, United Kingdom", "GB1")}
    assert sorted(name.partition("_")[2] for name in documents) == sorted(f"{row['number']}.html" for row in rows)
    empty, _ = zip_of(ada, 2001)
    assert list(empty) == [f"receipts-{ada.organization.slug}-2001.csv"]


def test_years_are_those_with_something_in_them(payments, ada):
    """Paid at the end of a year that was begun in the one before, and given back two years later."""
    topup = payments.topped_up(20)
    refund(ada, topup, "5")
    new_year = datetime(YEAR - 3, 1, 1, 0, 5, tzinfo=UTC)
    Topup.objects.update(created_at=new_year - timedelta(hours=1), paid_at=new_year)
    Refund.objects.update(created_at=new_year.replace(year=YEAR - 1))
    html = page_of(ada)
    shown = re.findall(r'href="\?year=(\d+)"', html)
    assert shown == [str(YEAR - 1), str(YEAR - 3)]
    assert f"All of {YEAR - 1} as CSV" in html
    for year, kinds in ((YEAR - 1, ["refund"]), (YEAR - 3, ["payment"]), (YEAR - 4, []), (YEAR - 2, [])):
        assert ("No payments here" in page_of(ada, f"billing/receipts?year={year}")) is (kinds == [])
        assert [row["type"] for row in csv_of(ada, f"billing/receipts/{year}.csv")] == kinds
        files, _ = zip_of(ada, year)
        assert len(files) == len(kinds) + 1
    (name,) = [name for name in zip_of(ada, YEAR - 1)[0] if name.endswith(".html")]
    assert "Reverses P-" in zip_of(ada, YEAR - 1)[0][name]
    assert "href" not in zip_of(ada, YEAR - 1)[0][name]  # What it reverses is in another year's file.


def test_a_receipt_is_of_what_was_paid(payments, ada):
    topup = payments.topped_up(20)
    assert f"<h1>Receipt P-{topup.id.hex[-8:].upper()}</h1>" in page_of(ada, f"billing/receipts/{topup.id}")
    late = payments.pay(30, how="delayed")
    eve = visitor("eve")
    for who, path in ((ada, f"billing/receipts/{late.id}"), (ada, f"billing/receipts/{uuid4()}")):
        assert who.client.get(who.path(path)).status_code == 404
    assert eve.client.get(eve.path(f"billing/receipts/{topup.id}")).status_code == 404
    assert eve.client.get(ada.path(f"billing/receipts/{YEAR}.zip")).status_code == 404
    assert "Invoice at Stripe" not in page_of(member(ada, role="viewer"), f"billing/receipts/{topup.id}")


def test_the_page_and_the_pdf_are_at_stripe(payments, ada):
    topup = payments.topped_up(20)
    for query in ("", "?pdf"):
        address = ada.client.get(ada.path(f"billing/payments/{topup.id}/receipt{query}"))["Location"]
        assert address.startswith("/stripe-simulator/receipts/in_")
        assert address.endswith(query or address)
        assert b"$20.00" in Client().get(address).content
    viewer = member(ada, role="viewer")
    html = page_of(viewer)
    assert "$20.00" in html
    assert 'receipt"' not in html


def test_page_after_page_and_year_by_year(payments, ada):
    paid = [payments.topped_up(10 + number) for number in range(4)]
    seen, before = [], None
    while found := receipts_page(organization_id=ada.organization.id, before=before, limit=3):
        seen += [receipt.payment.id for receipt in found]
        before = seen[-1]
    assert seen == [topup.id for topup in reversed(paid)]
    assert "No payments here" in page_of(ada, f"billing/receipts?before={seen[-1]}")
    assert f"All of {YEAR} as CSV" in page_of(ada)
    assert "No payments here" in page_of(ada, f"billing/receipts?year={YEAR - 1}")
    assert csv_of(ada, f"billing/receipts/{YEAR - 1}.csv") == []
    for page in ("?year=x", "?year=0001", "?before=x", "/1999.csv"):
        assert ada.client.get(ada.path(f"billing/receipts{page}")).status_code == 404


def test_strangers_see_no_receipts(payments, ada):
    topup = payments.topped_up(20)
    eve = visitor("eve")
    for page in ("billing/receipts", f"billing/receipts/{YEAR}.csv", f"billing/statement/{THIS_MONTH}"):
        assert eve.client.get(ada.path(page)).status_code == 404
    assert receipts_page(organization_id=eve.organization.id, before=topup.id) == []


# --- by the API -----------------------------------------------------------------------------------------------------


def test_receipts_lead_to_their_documents(payments):
    asking, topup = program(payments.host), payments.topped_up(20)
    older = payments.topped_up(10)
    refund_ask(
        organization_id=payments.host.organization.id, topup_id=topup.id, refund_id=uuid4(), amount_cents=500,
        by_user_id=payments.host.user.pk,
    )  # fmt: skip
    first = asking.get("receipts?limit=1").json()
    assert first["data"][0]["id"] == str(older.id)
    (second,) = asking.get(first["links"]["next"].partition("/api/v1/")[2]).json()["data"]
    assert (second["id"], second["amount_usd"]) == (str(topup.id), "20.000000000")
    assert second["refunds"][0]["amount_usd"] == "-5.000000000"
    whole = asking.data(f"receipts/{topup.id}")
    assert "/stripe-simulator/receipts/in_" in whole["hosted_url"]
    assert whole["pdf_url"].startswith("http")
    line = asking.data("ledger?type=refund")[0]
    assert line["receipt_id"] == str(topup.id)
    assert asking.data("receipts?year=2001") == []
    assert asking.get("receipts?cursor=nonsense").status_code == 400
    other = program(visitor("eve"))
    assert other.get(f"receipts/{topup.id}").status_code == 404
    assert other.data(f"receipts?cursor={topup.id}") == []


# --- the statement --------------------------------------------------------------------------------------------------


def test_a_month_adds_up_from_the_balance_before_to_the_one_after(payments, ada):
    """$20 in an earlier month, of which $1 is used; this month $10 in, $2.50 used, $0.50 of it not settled yet."""
    books, organization_id = DjangoBooks(), ada.organization.id
    wallet = ledger.wallet_open(organization_id=organization_id)
    key = api_key_create(organization_id=organization_id, name="ci").id
    with ago(days=40):
        ledger.wallet_credit(
            organization_id=organization_id, amount_nanos=20 * USD, key="old", kind="correction", reason=""
        )
        books.finish(books.hold(wallet, 1, key=key), wallet, 1)
        books.settle()
    payments.topped_up(10)
    books.finish(books.hold(wallet, 2, key=key), wallet, 2, input=1000, output=20)
    books.settle()
    books.finish(books.hold(wallet, 0.5, key=books.new_id()), wallet, 0.5)
    now = datetime.now(UTC).date()
    found = month_statement(organization_id=organization_id, month=now.replace(day=1), today=now)
    assert (found.before_nanos, dict(found.moves)) == (19 * USD, {"topup": 10 * USD, "usage": -2 * USD})
    assert found.after_nanos == 27 * USD
    assert (found.by_key[0].name, found.by_key[0].charge_nanos, found.by_key[0].input_tokens) == ("ci", 3 * USD, 1000)
    html = page_of(ada, f"billing/statement/{THIS_MONTH}")
    assert "The month is not over" in html
    assert "not an invoice" in html
    assert '<data value="27.00" title="$27.00">$27.00</data>' in html
    rows = csv_of(ada, f"billing/statement/{THIS_MONTH}.csv")
    moves = {row["name"]: Decimal(row["amount_usd"]) for row in rows if row["part"] == "balance"}
    assert moves["after"] == sum(moves.values()) - moves["after"] == 27


def test_closed_days_change_no_statement(payments, ada):
    """The nightly closing is a short cut, not another truth."""
    organization_id = ada.organization.id
    with ago(days=40):
        ledger.wallet_credit(
            organization_id=organization_id, amount_nanos=20 * USD, key="old", kind="correction", reason=""
        )
    now = datetime.now(UTC).date()
    month = now.replace(day=1)
    before = month_statement(organization_id=organization_id, month=month, today=now)
    with ago(days=35):
        ledger.day_close(day=datetime.fromordinal(now.toordinal() - 36).date())
    assert month_statement(organization_id=organization_id, month=month, today=now) == before
    assert before.before_nanos == 20 * USD


def test_a_statement_names_models_and_other_months_are_a_click_away(payments, ada):
    model_id = catalog_make()["small"]
    wallet = ledger.wallet_open(organization_id=ada.organization.id)
    payments.topped_up(10)
    books = DjangoBooks()
    request = books.hold(wallet, 1)
    books.connection.execute("UPDATE hold SET model_id = %s WHERE request_id = %s", [model_id, request])
    books.finish(request, wallet, 1, input=12_345)
    books.settle()
    html = page_of(ada, f"billing/statement/{THIS_MONTH}")
    assert "12,345" in html
    assert "small" in html
    month = datetime.now(UTC).replace(day=1)
    previous = f"{month.year - (month.month == 1)}-{(month.month - 2) % 12 + 1:02}"
    assert f"billing/statement/{previous}" in html
    assert "No request was charged" in page_of(ada, f"billing/statement/{previous}")


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "nonsense", "2999-01", "1999-12", "2026-01-01"])
def test_months_that_are_none(ada, month):
    for page in (f"billing/statement/{month}", f"billing/statement/{month}.csv"):
        assert ada.client.get(ada.path(page)).status_code == 404
