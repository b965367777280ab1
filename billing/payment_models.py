"""Payments as rows: customers at Stripe, top-ups, refunds, disputes, events. Money moves in payments.sql."""

from typing import ClassVar
from uuid import uuid4

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

STRIPE_ID_LENGTH_MAX = 255
NANOS_PER_CENT = 10_000_000


def _choices(*names: str) -> list[tuple[str, str]]:
    return [(name, name.replace("_", " ")) for name in names]


STATUSES = ("new", "open", "processing", "paid", "failed", "expired")
UNFINISHED = ("new", "open", "processing")
REFUND_SOURCES = ("customer", "staff", "stripe")
_UNFINISHED = Q(status__in=list(UNFINISHED))
_UNMAILED = Q(status="paid", receipts_mailed_at=None)


def _known(name: str, *values: str) -> models.CheckConstraint:
    return models.CheckConstraint(name=name, condition=Q(**{f"{name.rsplit('_', 1)[1]}__in": values}))


class StripeCustomer(models.Model):
    """An organisation at Stripe, and the card it has saved there, if any."""

    organization = models.OneToOneField("accounts.Organization", on_delete=models.PROTECT, related_name="+")
    customer_id = models.CharField(max_length=STRIPE_ID_LENGTH_MAX, unique=True)
    card_id = models.CharField(max_length=STRIPE_ID_LENGTH_MAX, blank=True)
    card_name = models.CharField(max_length=100, blank=True)
    card_expires = models.CharField(max_length=7, blank=True)

    objects: ClassVar[models.Manager["StripeCustomer"]] = models.Manager()

    class Meta:
        db_table = "stripe_customer"

    def __str__(self) -> str:
        return self.customer_id


class Topup(models.Model):
    """One payment that puts money on a wallet; its id is the idempotency key of the call that asks Stripe for it."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    wallet = models.ForeignKey("billing.Wallet", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, choices=_choices("checkout", "auto"))
    status = models.CharField(max_length=16, choices=_choices(*STATUSES), default="new")
    amount_cents = models.BigIntegerField()
    tax_cents = models.BigIntegerField(default=0)
    save_card = models.BooleanField(default=False)
    session_id = models.CharField(max_length=STRIPE_ID_LENGTH_MAX, unique=True, null=True)  # noqa: DJ001 -- unique
    payment_intent_id = models.CharField(  # noqa: DJ001 -- unique where there is one
        max_length=STRIPE_ID_LENGTH_MAX, unique=True, null=True
    )
    failure = models.CharField(max_length=100, blank=True)
    by_user_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    paid_at = models.DateTimeField(null=True)
    # As the billing profile was when it was begun: a receipt never changes.
    billed_to = models.JSONField(null=True)
    receipts_mailed_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager["Topup"]] = models.Manager()

    class Meta:
        db_table = "topup"
        permissions = [("refund_topup", "Can refund payments"), ("give_goodwill", "Can give goodwill credit")]
        indexes = [
            models.Index(name="topup_of_wallet", fields=["wallet", "-created_at"]),
            models.Index(name="topup_unfinished", fields=["created_at"], condition=_UNFINISHED),
            models.Index(name="topup_unmailed", fields=["paid_at"], condition=_UNMAILED),
        ]
        constraints = [
            _known("topup_kind", "checkout", "auto"),
            _known("topup_status", *STATUSES),
            models.CheckConstraint(name="topup_amount", condition=Q(amount_cents__gte=1, amount_cents__lte=1_000_000)),
            models.CheckConstraint(name="topup_tax", condition=Q(tax_cents__gte=0)),
            models.CheckConstraint(
                name="topup_paid_by",
                condition=~Q(status="paid") | Q(payment_intent_id__isnull=False, paid_at__isnull=False),
            ),
            # One automatic attempt in flight, whoever asks and however many ask at once.
            models.UniqueConstraint(
                name="topup_auto_in_flight",
                fields=["wallet"],
                condition=Q(kind="auto") & _UNFINISHED,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} top-up {self.id}"

    @property
    def amount_nanos(self) -> int:
        """What lands on the wallet."""
        return self.amount_cents * NANOS_PER_CENT

    @property
    def gross_cents(self) -> int:
        """What the card was charged."""
        return self.amount_cents + self.tax_cents


class Refund(models.Model):
    """Money on its way back to a card. `source`: by whom it was asked for here, or at Stripe.

    Its id, and from the second on the number of the attempt, are Stripe's idempotency key.
    """

    id = models.UUIDField(primary_key=True, default=uuid4)
    topup = models.ForeignKey(Topup, on_delete=models.PROTECT, related_name="refunds")
    source = models.CharField(max_length=16, choices=_choices(*REFUND_SOURCES))
    status = models.CharField(max_length=16, choices=_choices("new", "pending", "succeeded", "failed"))
    amount_cents = models.BigIntegerField()
    tax_cents = models.BigIntegerField()
    refund_id = models.CharField(max_length=STRIPE_ID_LENGTH_MAX, unique=True, null=True)  # noqa: DJ001 -- unique
    attempt = models.SmallIntegerField(default=0, db_default=0)
    by_user_id = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=200, blank=True, default="", db_default="")
    created_at = models.DateTimeField()

    objects: ClassVar[models.Manager["Refund"]] = models.Manager()

    class Meta:
        db_table = "refund"
        constraints = [
            _known("refund_source", *REFUND_SOURCES),
            _known("refund_status", "new", "pending", "succeeded", "failed"),
            models.CheckConstraint(name="refund_amount", condition=Q(amount_cents__gte=0, tax_cents__gte=0)),
        ]

    def __str__(self) -> str:
        return f"Refund {self.id}"

    @property
    def gross_cents(self) -> int:
        """What reaches the card."""
        return self.amount_cents + self.tax_cents

    @property
    def amount_nanos(self) -> int:
        """What leaves the wallet."""
        return self.amount_cents * NANOS_PER_CENT


class Dispute(models.Model):
    """A payment that the card's holder contests: each delta stands beside the time at which it was booked."""

    id = models.CharField(primary_key=True, max_length=STRIPE_ID_LENGTH_MAX)
    topup = models.ForeignKey(Topup, on_delete=models.PROTECT, related_name="disputes")
    status = models.CharField(max_length=40)
    amount_cents = models.BigIntegerField()
    tax_cents = models.BigIntegerField()
    withdrawn_at = models.DateTimeField(null=True)
    reinstated_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager["Dispute"]] = models.Manager()

    class Meta:
        db_table = "dispute"
        constraints = [
            models.CheckConstraint(
                name="dispute_deltas_in_order",
                condition=Q(reinstated_at__isnull=True) | Q(withdrawn_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Dispute {self.id}"

    @property
    def gross_cents(self) -> int:
        """What is contested, tax included."""
        return self.amount_cents + self.tax_cents


class AutoTopup(models.Model):
    """What an organisation allows to be charged to its card by itself, and how that has gone of late."""

    wallet = models.OneToOneField("billing.Wallet", on_delete=models.PROTECT, primary_key=True, related_name="+")
    enabled = models.BooleanField(default=False)
    threshold_cents = models.BigIntegerField()
    amount_cents = models.BigIntegerField()
    monthly_cap_cents = models.BigIntegerField()
    failures = models.IntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now)
    off_reason = models.CharField(max_length=100, blank=True)
    by_user_id = models.BigIntegerField(null=True)

    objects: ClassVar[models.Manager["AutoTopup"]] = models.Manager()

    class Meta:
        db_table = "auto_topup"
        constraints = [
            models.CheckConstraint(
                name="auto_topup_within_cap", condition=Q(amount_cents__gt=0, monthly_cap_cents__gte=F("amount_cents"))
            ),
        ]

    def __str__(self) -> str:
        return f"Auto top-up of wallet {self.pk}"


class StripeEvent(models.Model):
    """A notice from Stripe: which object changed. What became of it is asked of Stripe, not read from the notice."""

    id = models.CharField(primary_key=True, max_length=STRIPE_ID_LENGTH_MAX)
    type = models.CharField(max_length=100)
    object_id = models.CharField(max_length=STRIPE_ID_LENGTH_MAX)
    related_id = models.CharField(max_length=STRIPE_ID_LENGTH_MAX, blank=True)
    created_at = models.DateTimeField()
    received_at = models.DateTimeField(default=timezone.now)
    status = models.CharField(max_length=16, choices=_choices("new", "done", "failed"), default="new")
    attempts = models.IntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now)
    error = models.CharField(max_length=500, blank=True)

    objects: ClassVar[models.Manager["StripeEvent"]] = models.Manager()

    class Meta:
        db_table = "stripe_event"
        indexes = [models.Index(name="stripe_event_new", fields=["next_try_at"], condition=Q(status="new"))]
        constraints = [_known("stripe_event_status", "new", "done", "failed")]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class StripeMatch(models.Model):
    """One line of Stripe's own account, and what stands for it in our books: `found` is empty where nothing does."""

    id = models.CharField(primary_key=True, max_length=STRIPE_ID_LENGTH_MAX)
    type = models.CharField(max_length=40)
    created_at = models.DateTimeField()
    amount_cents = models.BigIntegerField()
    fee_cents = models.BigIntegerField()
    source_id = models.CharField(max_length=STRIPE_ID_LENGTH_MAX, blank=True)
    found = models.CharField(max_length=100, blank=True)
    matched_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager["StripeMatch"]] = models.Manager()

    class Meta:
        db_table = "stripe_match"
        verbose_name_plural = "stripe matches"

    def __str__(self) -> str:
        return f"{self.type} {self.id}"
