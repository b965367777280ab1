"""Automatic top-ups: asked for, capped, one at a time, and off when the card keeps refusing."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import structlog
from django.conf import settings
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import F, Sum
from django.utils import timezone

from accounts.audit import audit_record
from billing import alerts, stripe_client
from billing.models import AutoTopup, StripeCustomer, Topup, Wallet
from billing.payment_models import NANOS_PER_CENT
from billing.profiles import profile_get
from billing.stripe_objects import Order, Payment
from billing.topups import PaymentMismatch, payment_credit, topup_fail, topups_unfinished

log = structlog.get_logger(__name__)

# How long to wait after the first, second and third failure; the fourth switches it off.
BACK_OFF = (timedelta(hours=1), timedelta(hours=6), timedelta(hours=24))
# The same key is the same charge for a day at Stripe; well before that we stop asking with it.
KEY_TIME = timedelta(hours=23)
# A charge that Stripe answers with errors for this long, and does not list, did not happen.
ERRORS_TIME = timedelta(hours=1)
RESUME_AFTER = timedelta(seconds=60)


class AutoTopupRefused(Exception):
    """It can't be switched on; the message says why."""


@dataclass(frozen=True, slots=True)
class AutoTopupView:
    """What an organisation has allowed, and how it goes."""

    enabled: bool
    threshold_nanos: int
    amount_nanos: int
    monthly_cap_nanos: int
    charged_this_month_nanos: int
    failures: int
    next_try_at: datetime
    off_reason: str


@dataclass(frozen=True, slots=True)
class WorstMonth:
    """The most that a month of automatic top-ups can come to."""

    amount_nanos: int
    monthly_cap_nanos: int

    @property
    def times(self) -> int:
        """How often the card is charged then."""
        return self.monthly_cap_nanos // self.amount_nanos

    @property
    def total_nanos(self) -> int:
        """What that is together; no tax comes on top of it."""
        return self.times * self.amount_nanos


def auto_topup_get(*, organization_id: int) -> AutoTopupView | None:
    """None where it was never set up."""
    row = AutoTopup.objects.filter(wallet__organization_id=organization_id).first()
    if row is None:
        return None
    return AutoTopupView(
        enabled=row.enabled,
        threshold_nanos=row.threshold_cents * NANOS_PER_CENT,
        amount_nanos=row.amount_cents * NANOS_PER_CENT,
        monthly_cap_nanos=row.monthly_cap_cents * NANOS_PER_CENT,
        charged_this_month_nanos=_charged_cents(row.wallet_id) * NANOS_PER_CENT,
        failures=row.failures,
        next_try_at=row.next_try_at,
        off_reason=row.off_reason,
    )


def auto_topup_set(
    *, organization_id: int, threshold_cents: int, amount_cents: int, monthly_cap_cents: int, by_user_id: int
) -> None:
    """Switch it on, with these bounds. Raises `AutoTopupRefused`."""
    if not StripeCustomer.objects.filter(organization_id=organization_id).exclude(card_id="").exists():
        raise AutoTopupRefused("Save a card first: tick the box when you top up.")
    if settings.STRIPE_AUTOMATIC_TAX:
        raise AutoTopupRefused("Tax is worked out on the payment page here, so every top-up is made there.")
    if monthly_cap_cents < amount_cents:
        raise AutoTopupRefused("The monthly cap is below the amount of one top-up.")
    wallet = Wallet.objects.get(organization_id=organization_id, currency="USD")
    values = {
        "enabled": True,
        "threshold_cents": threshold_cents,
        "amount_cents": amount_cents,
        "monthly_cap_cents": monthly_cap_cents,
        "failures": 0,
        "next_try_at": timezone.now(),
        "off_reason": "",
        "by_user_id": by_user_id,
    }
    with transaction.atomic():
        AutoTopup.objects.update_or_create(wallet_id=wallet.pk, defaults=values)
        cents = {
            "amount_cents": amount_cents,
            "threshold_cents": threshold_cents,
            "monthly_cap_cents": monthly_cap_cents,
        }
        audit_record(
            organization_id=organization_id,
            user_id=by_user_id,
            action="auto_topup.set",
            details={name: str(value) for name, value in cents.items()},
        )
    alerts.topup_recovered(organization_id=organization_id)


@transaction.atomic
def auto_topup_off(*, organization_id: int, user_id: int | None = None) -> None:
    """Switch it off. Twice is fine."""
    rows = AutoTopup.objects.filter(wallet__organization_id=organization_id, enabled=True)
    if rows.update(enabled=False, off_reason=""):
        audit_record(organization_id=organization_id, user_id=user_id, action="auto_topup.off")


def auto_topups_run() -> int:
    """Charge the cards of all wallets that fell below their threshold; how many were charged or tried."""
    low = AutoTopup.objects.filter(
        enabled=True,
        next_try_at__lte=timezone.now(),
        wallet__status="active",
        wallet__posted_nanos__lt=F("wallet__held_nanos") + F("threshold_cents") * NANOS_PER_CENT,
    )
    tried = 0
    for wallet_id in low.values_list("wallet_id", flat=True):
        tried += auto_topup_try(wallet_id=wallet_id)
    return tried


def auto_topup_try(*, wallet_id: int) -> bool:
    """Charge the card if it is due, allowed, and nobody else is at it; whether it was tried."""
    try:
        topup = _attempt_new(wallet_id)
    except OperationalError:  # Others are at the same wallet; the next sweep looks again.
        log.warning("auto_topup.busy", wallet_id=wallet_id)
        return False
    if topup is None:
        return False
    _charge(topup)
    return True


def auto_topups_resume() -> None:
    """Find out what became of attempts whose answer was lost, and ask again where nothing did."""
    for topup in topups_unfinished(kind="auto", before=timezone.now() - RESUME_AFTER):
        try:
            _resume(topup)
        except stripe_client.StripeUnavailable:
            log.warning("auto_topup.unanswered", topup=str(topup.id))
        except PaymentMismatch:
            log.exception("payment.mismatch", topup=str(topup.id))


def _resume(topup: Topup) -> None:
    customer = StripeCustomer.objects.get(organization_id=topup.wallet.organization_id)
    begun = topup.created_at - timedelta(minutes=5)
    payments = stripe_client.payments_since(begun, customer_id=customer.customer_id)
    payment = next((one for one in payments if one.topup_id == topup.id), None)
    age = timezone.now() - topup.created_at
    if payment is not None:
        _answered(topup, payment)
    elif age < ERRORS_TIME:
        _charge(topup)
    elif age < KEY_TIME:
        # Hours of errors and no payment: it did not happen. One last time under the same key, then it is over.
        _charge(topup)
        _failed(topup, "no_answer")
    else:
        _failed(topup, "no_answer")


def _attempt_new(wallet_id: int) -> Topup | None:
    """A row for an attempt, unless there is one in flight or the month's cap is reached."""
    try:
        with transaction.atomic():
            # This row alone: with the wallet's it would wait for a credit that waits for this one.
            rows = AutoTopup.objects.select_for_update(no_key=True).filter(wallet_id=wallet_id)
            row = rows.filter(enabled=True, next_try_at__lte=timezone.now()).first()
            if row is None or not _is_low(row):
                return None
            if _charged_cents(wallet_id) + row.amount_cents > row.monthly_cap_cents:
                log.info("auto_topup.cap_reached", wallet=wallet_id)
                rows.update(next_try_at=_next_month())
                return None
            billed_to = profile_get(organization_id=row.wallet.organization_id).details.kept()
            return Topup.objects.create(
                id=uuid4(), wallet_id=wallet_id, kind="auto", amount_cents=row.amount_cents, billed_to=billed_to
            )
    except IntegrityError:
        return None  # One is in flight: the index says so.


def _is_low(row: AutoTopup) -> bool:
    wallet = Wallet.objects.get(pk=row.wallet_id)
    available = wallet.posted_nanos - wallet.held_nanos
    return wallet.status == "active" and available < row.threshold_cents * NANOS_PER_CENT


def _charge(topup: Topup) -> None:
    customer = StripeCustomer.objects.filter(organization_id=topup.wallet.organization_id).exclude(card_id="").first()
    if customer is None:
        return _failed(topup, "card_removed")
    order = Order(topup.id, customer.organization_id, customer.customer_id, topup.amount_cents)
    try:
        payment = stripe_client.card_charge(order=order, card_id=customer.card_id)
    except stripe_client.StripeRefused as refused:
        return _failed(topup, refused.code)
    except stripe_client.StripeUnavailable:
        log.warning("auto_topup.unanswered", topup=str(topup.id))
        return None
    return _answered(topup, payment)


def _answered(topup: Topup, payment: Payment) -> None:
    Topup.objects.filter(id=topup.id, status="new").update(status="open")
    if payment.status in {"succeeded", "processing", "canceled"}:
        payment_credit(payment_intent_id=payment.id)
    else:
        _failed(topup, payment.failure or payment.status)


def _failed(topup: Topup, failure: str) -> None:
    """Note a failure once, wait longer each time, and give up after the last or where its holder must come back."""
    with transaction.atomic():
        # In the order in which a credit locks them: this row, then the top-up.
        row = AutoTopup.objects.select_for_update(no_key=True).filter(wallet_id=topup.wallet_id).first()
        if not topup_fail(topup_id=topup.id, failure=failure) or row is None:
            return
        row.failures += 1
        off = row.failures > len(BACK_OFF) or failure in {"authentication_required", "card_removed"}
        if off:
            row.enabled, row.off_reason = False, _reason(failure)
        else:
            row.next_try_at = timezone.now() + BACK_OFF[row.failures - 1]
        row.save(update_fields=["failures", "enabled", "off_reason", "next_try_at"])
        alerts.topup_failed(
            organization_id=topup.wallet.organization_id,
            amount_nanos=topup.amount_nanos,
            reason=_reason(failure),
            switched_off=off,
        )
    log.warning("auto_topup.failed", topup=str(topup.id), failure=failure, off=off)


def _reason(failure: str) -> str:
    """A code of Stripe's, in words."""
    known = {
        "authentication_required": "the bank wants the card's holder to confirm: top up once by hand",
        "card_removed": "the saved card was removed",
        "expired_card": "the card has expired",
        "insufficient_funds": "the card has not enough funds",
        "no_answer": "the payment provider did not answer",
    }
    return known.get(failure, "the card was declined")


def _charged_cents(wallet_id: int) -> int:
    """What automatic top-ups of this month (UTC) came to, those in flight included."""
    now = datetime.now(UTC)
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    rows = Topup.objects.filter(wallet_id=wallet_id, kind="auto", created_at__gte=month)
    total = rows.exclude(status__in=["failed", "expired"]).aggregate(cents=Sum("amount_cents"))["cents"]
    return int(total or 0)


def _next_month() -> datetime:
    month = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (month + timedelta(days=32)).replace(day=1)
