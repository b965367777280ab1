"""The hourly sweep: asks Stripe what happened lately, so that no lost notice loses money."""

from collections.abc import Callable, Iterable
from datetime import timedelta

import structlog
from django.utils import timezone

from billing import stripe_client
from billing.disputes import dispute_apply
from billing.models import Refund, Topup
from billing.refunds import refund_apply, refund_send, refund_sync, refunds_unfinished
from billing.topups import payment_credit, session_sync, topup_fail, topups_unfinished

log = structlog.get_logger(__name__)

# Stripe sends a notice for three days; refunds may fail for weeks, disputes last for months.
PAYMENTS_TIME = timedelta(days=4)
REFUNDS_TIME = timedelta(days=35)
DISPUTES_TIME = timedelta(days=130)
SESSIONS_AFTER = timedelta(minutes=5)
NEVER_ASKED_AFTER = timedelta(hours=25)
REFUND_AFTER = timedelta(minutes=1)


def stripe_sweep() -> int:
    """Bring the books to what Stripe has, whatever notices were lost; how many things could not be brought."""
    return _sessions() + refunds_resume() + _payments() + _refunds() + _disputes()


def refunds_resume() -> int:
    """Ask for refunds that were set aside and never reached Stripe, and after those that are under way."""

    def one(refund: Refund) -> None:
        if refund.refund_id:
            refund_sync(stripe_id=refund.refund_id)
        else:
            refund_send(refund_id=refund.id)

    return _each(refunds_unfinished(before=timezone.now() - REFUND_AFTER), one)


def _sessions() -> int:
    now = timezone.now()

    def one(topup: Topup) -> None:
        if topup.session_id:
            session_sync(session_id=topup.session_id)
        elif topup.created_at < now - NEVER_ASKED_AFTER:
            topup_fail(topup_id=topup.id, failure="never_asked")

    return _each(topups_unfinished(kind="checkout", before=now - SESSIONS_AFTER), one)


def _payments() -> int:
    payments = list(stripe_client.payments_since(timezone.now() - PAYMENTS_TIME))
    known = Topup.objects.filter(id__in=[payment.topup_id for payment in payments if payment.topup_id], status="paid")
    paid = set(known.values_list("id", flat=True))
    missing = [one for one in payments if one.topup_id and one.status == "succeeded" and one.topup_id not in paid]
    return _each(missing, lambda payment: payment_credit(payment_intent_id=payment.id))


def _refunds() -> int:
    return _each(list(stripe_client.refunds_since(timezone.now() - REFUNDS_TIME)), refund_apply)


def _disputes() -> int:
    return _each(list(stripe_client.disputes_since(timezone.now() - DISPUTES_TIME)), dispute_apply)


def _each[Thing](things: Iterable[Thing], work: Callable[[Thing], object]) -> int:
    """Every one gets its turn; how many failed."""
    failed = 0
    for thing in things:
        try:
            work(thing)
        except Exception:  # one that is wrong must not keep the others from being repaired
            log.exception("stripe_sweep.failed", subject=str(thing)[:200])
            failed += 1
    return failed
