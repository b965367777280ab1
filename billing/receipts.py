"""Payments and what went back of them, as an accountant reads them: page by page, and a year as a table."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from billing.models import Refund, Topup
from billing.payment_models import NANOS_PER_CENT
from billing.payment_selectors import TopupView, payments_query, topup_view


@dataclass(frozen=True, slots=True)
class RefundRow:
    """Money that went back to a card: negative. `status` is new, pending, succeeded or failed."""

    id: UUID
    created_at: datetime
    status: str
    amount_nanos: int
    tax_nanos: int
    reason: str
    payment_id: UUID

    @property
    def number(self) -> str:
        """What to quote."""
        return receipt_number("R", self.id)

    @property
    def payment_number(self) -> str:
        """Of the payment that it reverses."""
        return receipt_number("P", self.payment_id)

    @property
    def total_nanos(self) -> int:
        """What reached the card."""
        return self.amount_nanos + self.tax_nanos


@dataclass(frozen=True, slots=True)
class Receipt:
    """A payment with its refunds, the newest first."""

    payment: TopupView
    refunds: list[RefundRow]

    @property
    def number(self) -> str:
        """What to quote."""
        return receipt_number("P", self.payment.id)

    @property
    def total_nanos(self) -> int:
        """What the card was charged."""
        return self.payment.amount_nanos + self.payment.tax_nanos


def receipt_number(letter: str, subject: UUID) -> str:
    """Short enough to read out: P-9F3A61C2."""
    return f"{letter}-{subject.hex[-8:].upper()}"


def receipts_page(
    *, organization_id: int, year: int | None = None, before: UUID | None = None, limit: int = 25
) -> list[Receipt]:
    """Payments, the newest first; those of a year (UTC), those older than the payment `before`."""
    rows = payments_query(organization_id=organization_id)
    if year is not None:
        rows = rows.filter(created_at__gte=_new_year(year), created_at__lt=_new_year(year + 1))
    if before is not None:
        last = Topup.objects.filter(id=before, wallet__organization_id=organization_id).first()
        if last is None:
            return []
        rows = rows.filter(created_at__lte=last.created_at).exclude(created_at=last.created_at, id__gte=last.id)
    return [_receipt(row) for row in rows.order_by("-created_at", "-id")[:limit]]


def receipt_get(*, organization_id: int, topup_id: UUID) -> Receipt | None:
    """One payment of the organisation."""
    row = payments_query(organization_id=organization_id).filter(id=topup_id).first()
    return _receipt(row) if row else None


def receipt_years(*, organization_id: int) -> list[int]:
    """The years in which there were payments, the newest first."""
    rows = payments_query(organization_id=organization_id).order_by("created_at")
    first, last = rows.first(), rows.last()
    if first is None or last is None:
        return []
    return list(range(last.created_at.astimezone(UTC).year, first.created_at.astimezone(UTC).year - 1, -1))


def receipts_of_year(*, organization_id: int, year: int) -> Iterator[Receipt | RefundRow]:
    """What was paid in a year and what went back in it (maybe of older payments), in the order of time."""
    paid = Topup.objects.filter(
        wallet__organization_id=organization_id, status="paid",
        paid_at__gte=_new_year(year), paid_at__lt=_new_year(year + 1),
    ).prefetch_related("refunds", "disputes")  # fmt: skip
    gone = Refund.objects.filter(
        topup__wallet__organization_id=organization_id,
        created_at__gte=_new_year(year), created_at__lt=_new_year(year + 1),
    ).exclude(status="failed")  # fmt: skip
    rows: list[Receipt | RefundRow] = [_receipt(row) for row in paid.iterator(chunk_size=500)]
    rows += [_refund(row) for row in gone.iterator(chunk_size=500)]
    yield from sorted(rows, key=lambda row: row.created_at if isinstance(row, RefundRow) else row.payment.created_at)


def _receipt(row: Topup) -> Receipt:
    refunds = sorted(row.refunds.all(), key=lambda refund: refund.created_at, reverse=True)
    return Receipt(topup_view(row), [_refund(refund) for refund in refunds])


def _refund(row: Refund) -> RefundRow:
    return RefundRow(
        id=row.id,
        created_at=row.created_at,
        status=row.status,
        amount_nanos=-row.amount_nanos,
        tax_nanos=-row.tax_cents * NANOS_PER_CENT,
        reason=row.reason,
        payment_id=row.topup_id,
    )


def _new_year(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=UTC)
