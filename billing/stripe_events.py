"""Stripe's notices: stored at the door, worked off by the worker, in any order and any number."""

from collections.abc import Callable
from datetime import timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from billing.cards import card_sync
from billing.disputes import dispute_sync
from billing.models import StripeEvent
from billing.refunds import refund_sync, refunds_sync_of
from billing.stripe_objects import Notice
from billing.topups import payment_credit, session_sync

log = structlog.get_logger(__name__)

BATCH = 50
# Longer than one event can take: until then nobody else takes it, after that somebody does.
CLAIM_TIME = timedelta(seconds=120)
RETRY_TIME = timedelta(seconds=30)
ATTEMPTS_MAX = 12  # With doubling waits: about a day and a half. The hourly sweep asks on its own.
KEPT_TIME = timedelta(days=90)

type Handler = Callable[[StripeEvent], object]


def event_store(notice: Notice) -> bool:
    """Keep a notice; whether it is new. The row is the queue."""
    made = StripeEvent.objects.bulk_create(
        [
            StripeEvent(
                id=notice.id,
                type=notice.type,
                object_id=notice.object_id,
                related_id=notice.related_id,
                created_at=notice.created_at,
                status="new" if _handler(notice.type) else "done",
            )
        ],
        ignore_conflicts=True,
    )
    return bool(made)


def events_process(*, limit: int = BATCH) -> int:
    """Work off notices that wait; how many were taken. Several workers at once share them."""
    taken = _claim(limit)
    for event in taken:
        _process(event)
    return len(taken)


def events_forget() -> int:
    """Delete notices that were done long ago: longer than Stripe sends them again."""
    old = StripeEvent.objects.filter(status="done", received_at__lt=timezone.now() - KEPT_TIME)
    return old.delete()[0]


def _claim(limit: int) -> list[StripeEvent]:
    with transaction.atomic():
        waiting = StripeEvent.objects.select_for_update(skip_locked=True)
        due = waiting.filter(status="new", next_try_at__lte=timezone.now()).order_by("next_try_at")[:limit]
        taken = list(due)
        # No lock is held while Stripe is asked: the time says that somebody is at it.
        StripeEvent.objects.filter(id__in=[event.id for event in taken]).update(next_try_at=timezone.now() + CLAIM_TIME)
    return taken


def _process(event: StripeEvent) -> None:
    handler = _handler(event.type)
    try:
        if handler:
            handler(event)
    except Exception as error:
        event.attempts += 1
        event.error = f"{type(error).__name__}: {error}"[:500].replace("\x00", "")
        event.next_try_at = timezone.now() + RETRY_TIME * 2**event.attempts
        if event.attempts >= ATTEMPTS_MAX:
            event.status = "failed"
        log.exception("stripe_event.failed", stripe_event=event.id, type=event.type, attempts=event.attempts)
    else:
        event.status, event.error = "done", ""
    event.save(update_fields=["status", "attempts", "error", "next_try_at"])


def _handler(event_type: str) -> Handler | None:
    """What a notice asks us to look at; None where it is of no interest."""
    for prefix, handler in _HANDLERS.items():
        if event_type.startswith(prefix):
            return handler
    return None


_HANDLERS: dict[str, Handler] = {
    "checkout.session.": lambda event: session_sync(session_id=event.object_id),
    "payment_intent.": lambda event: payment_credit(payment_intent_id=event.object_id),
    "charge.refunded": lambda event: refunds_sync_of(payment_intent_id=event.related_id),
    "charge.dispute.": lambda event: dispute_sync(dispute_id=event.object_id),
    "refund.": lambda event: refund_sync(stripe_id=event.object_id),
    "payment_method.": lambda event: card_sync(customer_id=event.related_id),
    "customer.updated": lambda event: card_sync(customer_id=event.object_id),
}
