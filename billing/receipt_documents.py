"""A year of receipts as one file: a document to print for each, and the table of them; never all of it in memory."""

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime

from django.conf import settings
from django.template.loader import render_to_string

from billing.csv_answer import Amount, Cell, cell_guard
from billing.receipts import Receipt, RefundRow
from catalog.money import nanos_to_usd

CSV_HEADER = (
    "date_utc", "number", "type", "reverses", "amount_usd", "tax_usd", "total_usd", "status", "billed_to", "tax_id",
)  # fmt: skip


class _Outlet(io.RawIOBase):
    """Takes what a ZIP is made of, and gives it on; nothing is ever read back."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(data)  # type: ignore[call-overload]  # Whatever is bytes-like.
        self._held += part
        return len(part)

    def taken(self) -> bytes:
        part = bytes(self._held)
        self._held.clear()
        return part


def csv_row(row: Receipt | RefundRow) -> list[Cell]:
    """One line of the table; refunds are negative and name what they reverse."""
    kind, reverses = ("refund", row.payment_number) if isinstance(row, RefundRow) else ("payment", "")
    money = row if isinstance(row, RefundRow) else row.payment
    figures = [Amount(nanos_to_usd(nanos)) for nanos in (money.amount_nanos, money.tax_nanos, row.total_nanos)]
    when = _moment(row).strftime("%Y-%m-%d %H:%M:%S")
    return [when, row.number, kind, reverses, *figures, money.status, row.billed_to.one_line, row.billed_to.tax_id]


def document(row: Receipt | RefundRow, *, organization: str, files: dict[object, str] | None = None) -> str:
    """The page of one receipt or refund, which needs no server. `files`: those beside it, by id."""
    context = document_context(row, organization=organization) | {"files": files or {}}
    if isinstance(row, RefundRow):
        context["reversed_file"] = (files or {}).get(row.payment_id, "")
    return render_to_string("documents/receipt.html", context)


def document_context(row: Receipt | RefundRow, *, organization: str) -> dict[str, object]:
    """What a receipt says, in the dashboard and as a file."""
    return {
        "row": row,
        "is_refund": isinstance(row, RefundRow),
        "money": row if isinstance(row, RefundRow) else row.payment,
        "moment": _moment(row),
        "organization_name": organization,
        "seller": settings.RECEIPT_SELLER,
        "site_url": settings.SITE_URL,
    }


def year_zip(rows: list[Receipt | RefundRow], *, name: str, organization: str) -> Iterator[bytes]:
    """The parts of the file `name`.zip: a folder of that name with the documents and the table."""
    outlet, files = _Outlet(), _file_names(rows)
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED) as archive:
        for row in rows:
            text = document(row, organization=organization, files=files)
            archive.writestr(_entry(f"{name}/{files[_id(row)]}", _moment(row)), text)
            yield outlet.taken()
        archive.writestr(_entry(f"{name}/{name}.csv", datetime.now(UTC)), _csv(rows))
    yield outlet.taken()


def _csv(rows: list[Receipt | RefundRow]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([CSV_HEADER, *([cell_guard(cell) for cell in csv_row(row)] for row in rows)])
    return text.getvalue()


def _file_names(rows: list[Receipt | RefundRow]) -> dict[object, str]:
    """By date and number, so that they lie in order; the whole id where two of a day have one number."""
    names: dict[object, str] = {}
    taken: set[str] = set()
    for row in rows:
        name = f"{_moment(row):%Y-%m-%d}_{row.number}.html"
        if name in taken:
            name = f"{_moment(row):%Y-%m-%d}_{row.number}_{_id(row)}.html"
        taken.add(name)
        names[_id(row)] = name
    return names


def _entry(path: str, moment: datetime) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, date_time=moment.timetuple()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def _id(row: Receipt | RefundRow) -> object:
    return row.id if isinstance(row, RefundRow) else row.payment.id


def _moment(row: Receipt | RefundRow) -> datetime:
    return (row.created_at if isinstance(row, RefundRow) else row.payment.created_at).astimezone(UTC)
