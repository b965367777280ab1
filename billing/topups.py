"""Top-ups: how a customer puts money on the wallet, and the one function that credits it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.audit import audit_record
from billing import alerts, payment_ledger, stripe_client, stripe_mode
from billing.alarms import alarm_raise
from billing.billing_details import BillingDetails
from billing.cards import card_sync, customer_ensure, details_send
from billing.fault_points import point
from billing.ledger import wallet_open
from billing.models import StripeCustomer, Topup
from billing.payment_models import UNFINISHED
from billing.profiles import profile_get
from billing.stripe_objects import Order, Payment, Session

log = structlog.get_logger(__name__)

CENTS_MIN = 500
CENTS_MAX = 1_000_000
STARTED_PER_HOUR_MAX = 30  # A stolen card is tried out where trying is free.


class TopupRefused(Exception):
    """This top-up is not started; the message says why."""


class PaymentMismatch(Exception):
    """A payment is not what its top-up asked for: nothing was credited, a person must look."""


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who tops up."""

    organization_id: int
    slug: str
    name: str
    user_id: int
    email: str


def topup_start(*, buyer: Buyer, topup_id: UUID, amount_cents: int, save_card: bool, success_url: str = "") -> str:
    """The address of the page where this top-up is paid. Asked again with one `topup_id` it is the same payment.

    Who has paid is led to `success_url`, which is good for `success_url_check`, or else to our own page.
    Raises `TopupRefused`, `StripeUnavailable`, `StripeNotConfigured`.
    """
    if not CENTS_MIN <= amount_cents <= CENTS_MAX:
        raise TopupRefused(f"A top-up is ${CENTS_MIN // 100} to ${CENTS_MAX // 100:,}.")
    if not stripe_mode.configured():
        raise stripe_client.StripeNotConfigured
    topup = _topup_new(buyer, topup_id, amount_cents, save_card=save_card)
    customer_id = customer_ensure(organization_id=buyer.organization_id, name=buyer.name, email=buyer.email)
    details_send(organization_id=buyer.organization_id, customer_id=customer_id, name=buyer.name)
    page = f"{settings.SITE_URL}/app/{buyer.slug}/billing"
    tax_id = BillingDetails.of(topup.billed_to).tax_id
    session = stripe_client.session_create(
        order=Order(topup.id, buyer.organization_id, customer_id, amount_cents, tax_id),
        save_card=topup.save_card,
        return_url=success_url or f"{page}/return?session_id={{CHECKOUT_SESSION_ID}}",
        cancel_url=f"{page}/return?topup={topup.id}",
    )
    Topup.objects.filter(id=topup.id, session_id=None).update(session_id=session.id)
    Topup.objects.filter(id=topup.id, status="new").update(status="open")
    # A page that was paid or has run out has no address any more: what became of it is said by ours.
    current = session if session.url else stripe_client.session_get(session.id)
    return current.url or f"{page}/return?session_id={session.id}"


def topup_returned(*, organization_id: int, session_id: str = "", topup_id: UUID | None = None) -> Topup | None:
    """The top-up that a payment page returns from, brought up to date; None where it is not this organisation's."""
    mine = Topup.objects.filter(wallet__organization_id=organization_id)
    mine = mine.filter(id=topup_id) if topup_id else mine.filter(session_id=session_id)
    topup = mine.first()
    if topup is None or topup.status == "paid" or not topup.session_id:
        return topup
    try:
        session_sync(session_id=topup.session_id)
    except stripe_client.StripeUnavailable:
        log.warning("stripe.unavailable", topup=str(topup.id))
    except PaymentMismatch:
        log.exception("payment.mismatch", topup=str(topup.id))
    return mine.get()


def session_sync(*, session_id: str) -> None:
    """Bring a top-up to what its payment page has come to."""
    session = stripe_client.session_get(session_id)
    payment = payment_credit(payment_intent_id=session.payment_intent_id) if session.payment_intent_id else None
    if session.topup_id is None:
        return
    if session.status == "expired":
        _finish(session.topup_id, "expired", "")
    elif session.status == "complete" and payment and payment.status in {"requires_payment_method", "canceled"}:
        _finish(session.topup_id, "failed", payment.failure)


def payment_credit(*, payment_intent_id: str) -> Payment | None:
    """Bring a top-up to what its payment has come to, as Stripe has it now: the only way money is credited.

    Called by webhook, return page and sweep, in any order and at once. None: the payment is not ours.
    """
    payment = stripe_client.payment_get(payment_intent_id)
    point("topup.after_stripe")
    if payment.topup_id is None:
        return None
    topup = Topup.objects.select_related("wallet").filter(id=payment.topup_id).first() or _adopt(payment)
    if payment.status == "succeeded":
        tax_cents = _checked(payment, topup)
        answer = payment_ledger.topup_credit(topup_id=topup.id, payment_intent_id=payment.id, tax_cents=tax_cents)
        point("topup.after_transfer")
        log.info("topup.credited", topup=str(topup.id), payment_intent=payment.id, answer=answer)
        if topup.kind == "auto":
            alerts.topup_recovered(organization_id=topup.wallet.organization_id)
        if payment.card_id:
            card_sync(customer_id=payment.customer_id or "")
    elif payment.status == "processing":
        Topup.objects.filter(id=topup.id, status__in=["new", "open"]).update(status="processing")
    elif payment.status == "canceled":
        _finish(topup.id, "failed", payment.failure)
    return payment


def topup_fail(*, topup_id: UUID, failure: str) -> bool:
    """Nothing will come of it; whether that is new."""
    return _finish(topup_id, "failed", failure)


def topups_unfinished(*, kind: str, before: datetime) -> list[Topup]:
    """Top-ups of a kind that were begun before then and have no end yet."""
    rows = Topup.objects.select_related("wallet").filter(kind=kind, status__in=UNFINISHED, created_at__lt=before)
    return list(rows.order_by("created_at"))


def _topup_new(buyer: Buyer, topup_id: UUID, amount_cents: int, *, save_card: bool) -> Topup:
    wallet_id = wallet_open(organization_id=buyer.organization_id)
    lately = timezone.now() - timedelta(hours=1)
    if (
        Topup.objects.filter(wallet_id=wallet_id, kind="checkout", created_at__gte=lately).count()
        >= STARTED_PER_HOUR_MAX
    ):
        raise TopupRefused("Many top-ups were begun within the hour. Wait a little, or write to support.")
    wanted = {
        "wallet_id": wallet_id,
        "kind": "checkout",
        "amount_cents": amount_cents,
        "save_card": save_card,
        "by_user_id": buyer.user_id,
        "billed_to": profile_get(organization_id=buyer.organization_id).details.kept(),
    }
    with transaction.atomic():
        topup, made = Topup.objects.get_or_create(id=topup_id, defaults=wanted)
        if made:
            audit_record(
                organization_id=buyer.organization_id,
                user_id=buyer.user_id,
                action="topup.started",
                target=str(topup_id),
                details={"cents": str(amount_cents)},
            )
    if (topup.wallet_id, topup.amount_cents, topup.save_card) != (wallet_id, amount_cents, save_card):
        raise TopupRefused("This form was sent before with other values. Load the page again.")
    return topup


def _adopt(payment: Payment) -> Topup:
    """The top-up of a payment that the database has forgotten, as after a restore: only if the customer is ours."""
    customer = StripeCustomer.objects.filter(
        organization_id=payment.organization_id or 0, customer_id=payment.customer_id or ""
    ).first()
    if customer is None or payment.amount_cents is None or payment.topup_id is None:
        raise PaymentMismatch(f"{payment.id} is of a top-up that nobody here asked for")
    log.error("topup.adopted", topup=str(payment.topup_id), payment_intent=payment.id)
    wallet_id = wallet_open(organization_id=customer.organization_id)
    try:
        with transaction.atomic():
            Topup.objects.create(
                id=payment.topup_id,
                wallet_id=wallet_id,
                kind="checkout",
                status="open",
                amount_cents=payment.amount_cents,
                created_at=payment.created_at,
            )
    except IntegrityError:  # Somebody else was faster, or the amount cannot be: the next look says which.
        log.warning("topup.adopted_twice", topup=str(payment.topup_id))
    return Topup.objects.select_related("wallet").get(id=payment.topup_id)


def _checked(payment: Payment, topup: Topup) -> int:
    """The tax in a payment that is exactly what its top-up asked for; else an alarm and `PaymentMismatch`."""
    try:
        return _tax_of(payment, topup)
    except PaymentMismatch as error:
        alarm_raise(rule="payment_mismatch", subject=payment.id, detail=str(error), wallet_id=None)
        raise


def _tax_of(payment: Payment, topup: Topup) -> int:
    customer = StripeCustomer.objects.filter(organization_id=topup.wallet.organization_id).first()
    if payment.livemode != stripe_mode.livemode():
        raise PaymentMismatch(f"{payment.id} is of the other mode")
    if payment.currency != "usd":
        raise PaymentMismatch(f"{payment.id} is in {payment.currency}")
    if customer is None or payment.customer_id != customer.customer_id:
        raise PaymentMismatch(f"{payment.id} was paid by another customer")
    tax_cents = payment.received_cents - topup.amount_cents
    if tax_cents:
        session: Session | None = stripe_client.session_of(payment.id)
        if session is None or tax_cents < 0 or tax_cents != session.tax_cents:
            raise PaymentMismatch(f"{payment.id} is {payment.received_cents} cents, not {topup.amount_cents}")
    return tax_cents


def _finish(topup_id: UUID, status: str, failure: str) -> bool:
    unfinished = Topup.objects.filter(id=topup_id, status__in=UNFINISHED)
    return bool(unfinished.update(status=status, failure=failure[:100]))
