"""Disputes: the holder of a card contests a payment, and the books follow each move of its money."""

import structlog

from billing import payment_ledger, stripe_client
from billing.alarms import alarm_raise, alarms_clear
from billing.models import Dispute, Topup
from billing.stripe_objects import DisputeState
from billing.topups import payment_credit

log = structlog.get_logger(__name__)
RULE = "dispute"


def dispute_sync(*, dispute_id: str) -> None:
    """Bring the books to what a dispute has come to, whichever of its notices came first."""
    dispute_apply(stripe_client.dispute_get(dispute_id))


def dispute_apply(state: DisputeState) -> None:
    """As `dispute_sync`, with the dispute as Stripe has just told it."""
    paid = Topup.objects.filter(payment_intent_id=state.payment_intent_id, status="paid")
    if not paid.exists():
        payment_credit(payment_intent_id=state.payment_intent_id)
    topup = paid.first()
    if topup is None:
        return
    log.warning("dispute", dispute=state.id, topup=str(topup.id), status=state.status)
    payment_ledger.dispute_book(
        dispute_id=state.id,
        topup_id=topup.id,
        gross_cents=state.gross_cents,
        status=state.status,
        moves=(state.withdrawn, state.reinstated, state.closed),
    )
    if state.withdrawn and not state.closed:
        detail = f"{state.gross_cents} cents were taken back: answer it at Stripe"
        alarm_raise(rule=RULE, subject=state.id, detail=detail, wallet_id=topup.wallet_id)
    still = Dispute.objects.filter(closed_at=None).values_list("id", flat=True)
    alarms_clear(rules={RULE}, still=[(RULE, dispute_id) for dispute_id in still])
