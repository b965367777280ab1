"""What pages know of payments: frozen dataclasses, never rows."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from billing import stripe_client
from billing.models import Topup
from billing.payment_models import NANOS_PER_CENT


@dataclass(frozen=True, slots=True)
class TopupView:
    """One payment as its organisation sees it. `refunded_nanos` counts what is on its way too."""

    id: UUID
    created_at: datetime
    kind: str
    status: str
    amount_nanos: int
    tax_nanos: int
    refunded_nanos: int
    refunding: bool
    dispute: str
    failure: str
    session_id: str

    @property
    def state(self) -> str:
        """One word for what it has come to: not paid, processing, paid, refunded, disputed."""
        if self.dispute:
            return "disputed"
        if self.status == "paid":
            return "refunded" if self.refunded_nanos >= self.amount_nanos else "paid"
        return self.status if self.status in {"failed", "expired", "processing"} else "open"


def payments_list(*, organization_id: int, limit: int = 20) -> list[TopupView]:
    """The newest payments: those that were paid, are on their way, or failed by themselves."""
    rows = payments_query(organization_id=organization_id).order_by("-created_at")
    return [topup_view(row) for row in rows[:limit]]


def topup_get(*, organization_id: int, topup_id: UUID) -> TopupView | None:
    """One payment of the organisation, whatever it has come to."""
    row = Topup.objects.filter(id=topup_id, wallet__organization_id=organization_id).first()
    return topup_view(row) if row else None


def payments_paid_since(*, organization_id: int, since: datetime) -> list[TopupView]:
    """What was paid in since then, the oldest first."""
    rows = Topup.objects.filter(wallet__organization_id=organization_id, status="paid", paid_at__gt=since)
    return [topup_view(row) for row in rows.prefetch_related("refunds", "disputes").order_by("paid_at")]


def payments_query(*, organization_id: int) -> QuerySet[Topup]:
    """Payments but for payment pages that were opened and left, for the other selectors of billing."""
    rows = Topup.objects.filter(wallet__organization_id=organization_id).exclude(
        kind="checkout", status__in=["new", "open", "expired", "failed"]
    )
    return rows.prefetch_related("refunds", "disputes")


def topup_view(row: Topup) -> TopupView:
    """What a page may know of a top-up."""
    refunds = [refund for refund in row.refunds.all() if refund.status != "failed"]
    disputes = [dispute.status for dispute in row.disputes.all() if dispute.reinstated_at is None]
    return TopupView(
        id=row.id,
        created_at=row.paid_at or row.created_at,
        kind=row.kind,
        status=row.status,
        amount_nanos=row.amount_nanos,
        tax_nanos=row.tax_cents * NANOS_PER_CENT,
        refunded_nanos=sum(refund.amount_nanos for refund in refunds),
        refunding=any(refund.status != "succeeded" for refund in refunds),
        dispute=disputes[0] if disputes and disputes[0] not in {"won", "warning_closed", "prevented"} else "",
        failure=row.failure,
        session_id=row.session_id or "",
    )


def receipt_url(*, organization_id: int, topup_id: UUID, pdf: bool = False) -> str | None:
    """Stripe's page of the invoice, or its PDF, or the page of the receipt; None where there is no such payment."""
    topup = Topup.objects.filter(id=topup_id, wallet__organization_id=organization_id, status="paid").first()
    if topup is None or topup.payment_intent_id is None:
        return None
    session = stripe_client.session_get(topup.session_id) if topup.session_id else None
    if session and session.invoice_id and (url := stripe_client.invoice_url(session.invoice_id, pdf=pdf)):
        return url
    return stripe_client.payment_get(topup.payment_intent_id).receipt_url
