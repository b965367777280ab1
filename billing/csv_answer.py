"""A table as CSV, row by row: however long it is, never all of it in memory; no cell is a formula."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import batched

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

Cell = str | int | None
BATCH_ROWS = 500
# What spreadsheets take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Amount(str):
    """A number as text, signed or not: left as it is, so that it can be added up."""

    __slots__ = ()


def csv_answer(
    request: HttpRequest, *, name: str, header: Iterable[str], rows: Iterable[Iterable[Cell]]
) -> StreamingHttpResponse:
    """The file `name`, to be kept nowhere."""
    return file_answer(request, name=name, content_type="text/csv; charset=utf-8", parts=_parts([header], rows))


def file_answer[Part: (str, bytes)](
    request: HttpRequest, *, name: str, content_type: str, parts: Iterator[Part]
) -> StreamingHttpResponse:
    """The file `name`, part by part, to be kept nowhere."""
    # A server that waits must not be given an iterator that blocks, nor the other way round.
    content = _waited_for(parts) if isinstance(request, ASGIRequest) else parts
    return StreamingHttpResponse(
        content,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def cell_guard(cell: Cell) -> Cell:
    """The cell, with an apostrophe before what a spreadsheet would work out."""
    if isinstance(cell, str) and not isinstance(cell, Amount) and cell.startswith(_FORMULA):
        return f"'{cell}"
    return cell


def _parts(*tables: Iterable[Iterable[Cell]]) -> Iterator[str]:
    for table in tables:
        for rows in batched(table, BATCH_ROWS, strict=False):
            text = io.StringIO()
            csv.writer(text).writerows([cell_guard(cell) for cell in row] for row in rows)
            yield text.getvalue()


async def _waited_for[Part: (str, bytes)](parts: Iterator[Part]) -> AsyncIterator[Part]:
    while (part := await sync_to_async(lambda: next(parts, None))()) is not None:
        yield part
