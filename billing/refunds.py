"""Refunds: previewed, capped by what was bought and not spent, asked for once; and those that were made at Stripe."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.audit import audit_record
from billing import payment_ledger, stripe_client
from billing.fault_points import point
from billing.models import Refund, Topup
from billing.payment_models import NANOS_PER_CENT
from billing.stripe_objects import RefundState
from billing.topups import payment_credit

log = structlog.get_logger(__name__)

# Names our refund after one that was made at Stripe.
_FOUND = UUID("6e8bc430-9c3a-11d9-9669-0800200c9a66")
# What Stripe answers with an error and does not list so long afterwards did not happen, nor will it.
SURE_AFTER = timedelta(minutes=10)


class RefundRefused(Exception):
    """More than can go back now, or nothing can."""


@dataclass(frozen=True, slots=True)
class RefundPreview:
    """What a refund of a top-up could be: paid, refunded before, and what could still go back to the card."""

    topup_id: UUID
    paid_at: datetime
    paid_nanos: int
    tax_cents: int
    refunded_nanos: int
    refundable_nanos: int


def refund_preview(*, organization_id: int, topup_id: UUID) -> RefundPreview | None:
    """None where there is no such paid top-up of this organisation."""
    topup = _paid(organization_id, topup_id)
    if topup is None or topup.paid_at is None:
        return None
    before = topup.refunds.exclude(status="failed")
    return RefundPreview(
        topup_id=topup.id,
        paid_at=topup.paid_at,
        paid_nanos=topup.amount_nanos,
        tax_cents=topup.tax_cents,
        refunded_nanos=sum(refund.amount_nanos for refund in before),
        refundable_nanos=payment_ledger.topup_refundable_cents(topup_id=topup.id) * NANOS_PER_CENT,
    )


def refund_ask(
    *, organization_id: int, topup_id: UUID, refund_id: UUID, amount_cents: int, by_user_id: int, staff_reason: str = ""
) -> Refund:
    """Send part of a top-up back to its card; of several calls with one `refund_id` the first does it.

    The money is set aside first, so it can't be spent meanwhile. `staff_reason`: it is staff who ask, and why.
    Raises `RefundRefused`, and `TransferConflict` where `refund_id` was used for something else.
    """
    topup = _paid(organization_id, topup_id)
    if topup is None:
        raise RefundRefused
    with transaction.atomic():
        answer = payment_ledger.refund_open(
            refund_id=refund_id,
            topup_id=topup.id,
            amount_cents=amount_cents,
            by_user_id=by_user_id,
            source="staff" if staff_reason else "customer",
        )
        if answer == "opened":
            Refund.objects.filter(id=refund_id).update(reason=staff_reason[:200])
            audit_record(
                organization_id=organization_id,
                user_id=by_user_id,
                action="refund.asked",
                target=str(topup_id),
                details={"cents": str(amount_cents)},
            )
    if answer == "refused":
        raise RefundRefused
    if answer == "opened":
        point("refund.after_open")
        refund_send(refund_id=refund_id, first=True)
    return Refund.objects.get(id=refund_id)


def refund_send(*, refund_id: UUID, first: bool = False) -> None:
    """Ask Stripe for a refund that was set aside. After a lost answer it looks before it asks again."""
    refund = Refund.objects.select_related("topup").get(id=refund_id)
    if refund.status != "new":
        return
    payment_id = refund.topup.payment_intent_id or ""
    gross_cents = refund.amount_cents + refund.tax_cents
    try:
        state = None if first else _known(payment_id, refund_id)
        if state is None:
            state = stripe_client.refund_create(
                refund_id=refund_id, payment_intent_id=payment_id, gross_cents=gross_cents, attempt=refund.attempt
            )
            point("refund.after_stripe")
    except stripe_client.StripeUnavailable as error:
        log.warning("refund.unanswered", refund=str(refund_id), attempt=refund.attempt)
        if isinstance(error, stripe_client.StripeErrored) and not first:
            _attempt_over(refund)
        return
    except stripe_client.StripeRefused as refused:
        log.warning("refund.refused", refund=str(refund_id), code=refused.code)
        payment_ledger.refund_settle(refund_id=refund_id, stripe_id=None, status="failed")
        return
    payment_ledger.refund_settle(refund_id=refund_id, stripe_id=state.id, status=state.status)
    point("refund.after_settle")


def refund_sync(*, stripe_id: str) -> None:
    """Bring the books to what a refund has come to, wherever it was asked for."""
    refund_apply(stripe_client.refund_get(stripe_id))


def refund_apply(state: RefundState) -> None:
    """As `refund_sync`, with the refund as Stripe has just told it."""
    topup = _topup_of(state.payment_intent_id)
    if topup is None:
        return
    refund_id = state.refund_id or uuid5(_FOUND, state.id)
    if not Refund.objects.filter(id=refund_id).exists():
        if state.status == "failed":
            return  # Nothing was booked, and nothing moved.
        net_cents = _net(topup, state.gross_cents)
        payment_ledger.refund_found(
            refund_id=refund_id, topup_id=topup.id, amount_cents=net_cents, tax_cents=state.gross_cents - net_cents
        )
        log.warning("refund.found", refund=str(refund_id), stripe=state.id)
    payment_ledger.refund_settle(refund_id=refund_id, stripe_id=state.id, status=state.status)


def refunds_sync_of(*, payment_intent_id: str) -> None:
    """All refunds of one payment."""
    for state in stripe_client.refunds_of(payment_intent_id):
        refund_apply(state)


def refunds_unfinished(*, before: datetime) -> list[Refund]:
    """Refunds without an end, begun before then."""
    return list(Refund.objects.filter(status__in=["new", "pending"], created_at__lt=before).order_by("created_at"))


def _paid(organization_id: int, topup_id: UUID) -> Topup | None:
    return Topup.objects.filter(id=topup_id, wallet__organization_id=organization_id, status="paid").first()


def _attempt_over(refund: Refund) -> None:
    """Stripe keeps its error under the attempt's key for a day. The next try looks once more, and takes another key.

    By the number of the attempt, so that of several workers one moves it on.
    """
    if timezone.now() - refund.created_at >= SURE_AFTER * (refund.attempt + 1):
        Refund.objects.filter(id=refund.id, attempt=refund.attempt).update(attempt=F("attempt") + 1)


def _known(payment_id: str, refund_id: UUID) -> RefundState | None:
    return next((state for state in stripe_client.refunds_of(payment_id) if state.refund_id == refund_id), None)


def _topup_of(payment_id: str) -> Topup | None:
    """The top-up of a payment, credited first if its own notice is still on its way."""
    paid = Topup.objects.filter(payment_intent_id=payment_id, status="paid")
    if not paid.exists():
        payment_credit(payment_intent_id=payment_id)
    return paid.first()


def _net(topup: Topup, gross_cents: int) -> int:
    """The part of a refund that was on the wallet; the rest is tax."""
    tax_cents = (2 * gross_cents * topup.tax_cents + topup.gross_cents) // (2 * topup.gross_cents)
    return gross_cents - tax_cents
