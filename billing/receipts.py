"""Payments and what went back of them, as an accountant reads them: page by page, and a year as a table."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Coalesce, ExtractYear

from billing.billing_details import NO_DETAILS, BillingDetails
from billing.models import Refund, Topup
from billing.payment_models import NANOS_PER_CENT
from billing.payment_selectors import TopupView, payments_query, topup_view
from billing.profiles import profile_get


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
    billed_to: BillingDetails

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
    """A payment with its refunds, the newest first, and whom it is made out to."""

    payment: TopupView
    refunds: list[RefundRow]
    billed_to: BillingDetails

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
    """Payments, the newest first; those of a year (UTC) or with a refund in it, those older than `before`."""
    rows = payments_query(organization_id=organization_id)
    if year is not None:
        given_back = Refund.objects.filter(_in_year("created_at", year), topup__wallet__organization_id=organization_id)
        paid = _in_year("paid_at", year) | Q(paid_at=None) & _in_year("created_at", year)
        rows = rows.filter(paid | Q(id__in=given_back.values("topup_id")))
    if before is not None:
        last = Topup.objects.filter(id=before, wallet__organization_id=organization_id).first()
        if last is None:
            return []
        rows = rows.filter(created_at__lte=last.created_at).exclude(created_at=last.created_at, id__gte=last.id)
    return [_receipt(row) for row in rows.order_by("-created_at", "-id")[:limit]]


def receipt_get(*, organization_id: int, topup_id: UUID) -> Receipt | None:
    """One payment of the organisation."""
    row = payments_query(organization_id=organization_id).filter(id=topup_id).first()
    return _receipt(row, profile_get(organization_id=organization_id).details) if row else None


def receipt_years(*, organization_id: int) -> list[int]:
    """The years (UTC) in which something was paid or went back, the newest first."""
    paid = payments_query(organization_id=organization_id).annotate(moment=Coalesce("paid_at", "created_at"))
    gone = Refund.objects.filter(topup__wallet__organization_id=organization_id)
    years = {*paid.values_list(ExtractYear("moment", tzinfo=UTC), flat=True).distinct().order_by()}
    years |= {*gone.values_list(ExtractYear("created_at", tzinfo=UTC), flat=True).distinct().order_by()}
    return sorted(years, reverse=True)


def receipts_of_year(*, organization_id: int, year: int) -> Iterator[Receipt | RefundRow]:
    """What was paid in a year and what went back in it (maybe of older payments), in the order of time."""
    now = profile_get(organization_id=organization_id).details
    paid = Topup.objects.filter(_in_year("paid_at", year), wallet__organization_id=organization_id, status="paid")
    gone = Refund.objects.filter(_in_year("created_at", year), topup__wallet__organization_id=organization_id)
    gone = gone.exclude(status="failed").select_related("topup")
    refunded = paid.prefetch_related("refunds", "disputes").iterator(chunk_size=500)
    rows: list[Receipt | RefundRow] = [_receipt(row, now) for row in refunded]
    rows += [_refund(row, _billed_to(row.topup, now)) for row in gone.iterator(chunk_size=500)]
    yield from sorted(rows, key=lambda row: row.created_at if isinstance(row, RefundRow) else row.payment.created_at)


def _receipt(row: Topup, now: BillingDetails = NO_DETAILS) -> Receipt:
    refunds = sorted(row.refunds.all(), key=lambda refund: refund.created_at, reverse=True)
    billed_to = _billed_to(row, now)
    return Receipt(topup_view(row), [_refund(refund, billed_to) for refund in refunds], billed_to)


def _billed_to(row: Topup, now: BillingDetails) -> BillingDetails:
    """As the profile was then; details that were given later are for payments that had none."""
    return BillingDetails.of(row.billed_to) if row.billed_to else now


def _refund(row: Refund, billed_to: BillingDetails) -> RefundRow:
    return RefundRow(
        id=row.id,
        created_at=row.created_at,
        status=row.status,
        amount_nanos=-row.amount_nanos,
        tax_nanos=-row.tax_cents * NANOS_PER_CENT,
        reason=row.reason,
        payment_id=row.topup_id,
        billed_to=billed_to,
    )


def _in_year(field: str, year: int) -> Q:
    begins, ends = (datetime(one, 1, 1, tzinfo=UTC) for one in (year, year + 1))
    return Q(**{f"{field}__gte": begins, f"{field}__lt": ends})
