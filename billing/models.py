"""The ledger's tables as Django reads them: their SQL is in billing/sql, their only writer is billing.ledger."""

from datetime import UTC, date, datetime
from typing import ClassVar
from uuid import UUID

from django.db import models

from billing.alarm_models import Alarm as Alarm, LedgerCheck as LedgerCheck, ProviderDay as ProviderDay
from billing.alert_models import (
    Alert as Alert,
    AlertAddress as AlertAddress,
    AlertDelivery as AlertDelivery,
    AlertSettings as AlertSettings,
    AlertWatch as AlertWatch,
    Refusal as Refusal,
)
from billing.payment_models import (
    AutoTopup as AutoTopup,
    Dispute as Dispute,
    Refund as Refund,
    StripeCustomer as StripeCustomer,
    StripeEvent as StripeEvent,
    StripeMatch as StripeMatch,
    Topup as Topup,
)
from billing.profile_models import BillingProfile as BillingProfile
from billing.webhook_models import Webhook as Webhook

TRANSFER_KINDS = (
    "topup",
    "promo",
    "goodwill",
    "usage",
    "cost",
    "refund",
    "dispute",
    "reinstated",
    "debt",
    "repayment",
    "expiry",
    "fee",
    "tax",
    "payout",
    "correction",
)


def _choices(*names: str) -> list[tuple[str, str]]:
    """What the column's CHECK allows: the admin's filters offer these without searching the table."""
    return [(name, name.replace("_", " ")) for name in names]


class Wallet(models.Model):
    """An organisation's ledger account. `posted_nanos`: what the customer owns; `held_nanos`: for live requests."""

    organization = models.ForeignKey("accounts.Organization", on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3)
    status = models.TextField(choices=_choices("active", "frozen", "closed"))
    posted_nanos = models.BigIntegerField()
    held_nanos = models.BigIntegerField()
    debt_nanos = models.BigIntegerField()
    granted_nanos = models.BigIntegerField()
    granted_until = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "wallet"
        permissions = [("freeze_wallet", "Can freeze and unfreeze wallets")]

    def __str__(self) -> str:
        return f"{self.organization} ({self.currency})"


class WalletFreeze(models.Model):
    """One reason why a wallet is frozen; it thaws with the last."""

    pk = models.CompositePrimaryKey("wallet_id", "reason", "subject")
    wallet = models.ForeignKey(Wallet, on_delete=models.DO_NOTHING, related_name="+")
    reason = models.TextField(choices=_choices("staff", "books", "dispute"))
    subject = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "wallet_freeze"

    def __str__(self) -> str:
        return f"{self.reason} {self.subject}".strip()


class GatewayLease(models.Model):
    """A process of the gateway: alive while `leased_until` is in the future by the database's clock."""

    name = models.TextField()
    leased_until = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "gateway_lease"

    def __str__(self) -> str:
        return f"{self.name} ({self.pk})"


class Hold(models.Model):
    """A live request and the money set aside for it."""

    request_id = models.UUIDField(primary_key=True)
    wallet = models.ForeignKey(Wallet, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    api_key_id = models.BigIntegerField()
    member_id = models.BigIntegerField(null=True)
    model_id = models.BigIntegerField()
    price_version_id = models.BigIntegerField()
    lease_id = models.BigIntegerField()
    amount_nanos = models.BigIntegerField()
    progress_nanos = models.BigIntegerField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    client_protocol = models.TextField()
    evidence = models.JSONField()

    class Meta:
        managed = False
        db_table = "hold"

    def __str__(self) -> str:
        return str(self.request_id)


class UsageRecord(models.Model):
    """What one request used and came to. `id` is the request's; a late correction has its own and names the first."""

    # The table's key is (day, id): whoever asks for one record names its day too, or every partition is searched.
    id = models.UUIDField(primary_key=True)
    day = models.DateField()
    corrects_id = models.UUIDField(null=True)
    wallet = models.ForeignKey(Wallet, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    api_key_id = models.BigIntegerField()
    member_id = models.BigIntegerField(null=True)
    model_id = models.BigIntegerField()
    route_id = models.BigIntegerField(null=True)
    price_version_id = models.BigIntegerField()
    input_tokens = models.BigIntegerField()
    cache_read_tokens = models.BigIntegerField()
    cache_write_5m_tokens = models.BigIntegerField()
    cache_write_1h_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    reasoning_tokens = models.BigIntegerField()
    held_nanos = models.BigIntegerField()
    charge_nanos = models.BigIntegerField()
    write_off_nanos = models.BigIntegerField()
    cost_nanos = models.BigIntegerField()
    started_at = models.DateTimeField()
    created_at = models.DateTimeField()
    first_content_ms = models.IntegerField(null=True)
    duration_ms = models.IntegerField(null=True)
    settlement = models.ForeignKey(
        "Settlement", on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="+"
    )
    client_protocol = models.TextField()
    upstream_protocol = models.TextField(null=True)  # noqa: DJ001 -- NULL: no upstream was reached
    outcome = models.TextField(choices=_choices("completed", "client_gone", "upstream_error", "void", "reaped"))
    source = models.TextField(choices=_choices("upstream", "counted", "estimated", "checkpoint", "none"))
    attempts = models.JSONField(null=True)

    class Meta:
        managed = False
        db_table = "usage_record"

    def __str__(self) -> str:
        return str(self.id)

    @staticmethod
    def day_of(record_id: UUID) -> date | None:
        """The day of a record, which its id (a UUIDv7) begins with; None where that is no day."""
        try:
            return datetime.fromtimestamp((record_id.int >> 80) / 1000, UTC).date()
        except (ValueError, OverflowError):
            return None


class UsageHourly(models.Model):
    """Settled usage of one hour, by key, member, model, route and protocol; member and route 0 mean none."""

    id = models.BigIntegerField(primary_key=True)
    hour = models.DateTimeField()
    wallet = models.ForeignKey(Wallet, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    api_key_id = models.BigIntegerField()
    member_id = models.BigIntegerField()
    model_id = models.BigIntegerField()
    route_id = models.BigIntegerField()
    client_protocol = models.TextField()
    requests = models.BigIntegerField()
    input_tokens = models.BigIntegerField()
    cache_read_tokens = models.BigIntegerField()
    cache_write_5m_tokens = models.BigIntegerField()
    cache_write_1h_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    reasoning_tokens = models.BigIntegerField()
    charge_nanos = models.BigIntegerField()
    write_off_nanos = models.BigIntegerField()
    cost_nanos = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "usage_hourly"
        verbose_name_plural = "usage by hour"

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}:00"


class SpendingLimit(models.Model):
    """A money limit of one API key, one member or (neither) the whole organisation, enforced by the hold."""

    wallet = models.ForeignKey(Wallet, on_delete=models.DO_NOTHING, related_name="+")
    api_key_id = models.BigIntegerField(null=True)
    member_id = models.BigIntegerField(null=True)
    period = models.TextField(choices=_choices("daily", "weekly", "monthly", "total"))
    amount_nanos = models.BigIntegerField()
    window_start = models.DateTimeField()
    spent_nanos = models.BigIntegerField()
    held_nanos = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "spending_limit"

    def __str__(self) -> str:
        subject = f"member {self.member_id}" if self.member_id else "organisation"
        subject = f"API key {self.api_key_id}" if self.api_key_id else subject
        return f"{subject}, {self.period}"


class Account(models.Model):
    """A place in the ledger: each wallet has two (wallet, debt), the house has one of each other kind."""

    kind = models.TextField()
    wallet = models.ForeignKey(Wallet, on_delete=models.DO_NOTHING, null=True, related_name="accounts")

    class Meta:
        managed = False
        db_table = "account"

    def __str__(self) -> str:
        return f"{self.kind} of {self.wallet}" if self.wallet_id else self.kind


class Settlement(models.Model):
    """A batch of usage records that became transfers."""

    created_at = models.DateTimeField()
    records = models.IntegerField()

    class Meta:
        managed = False
        db_table = "settlement"

    def __str__(self) -> str:
        return f"Settlement {self.pk}"


class Transfer(models.Model):
    """One debit account, one credit account, one amount: never changed, corrected by another."""

    idempotency_key = models.TextField()
    kind = models.TextField(choices=_choices(*TRANSFER_KINDS))
    debit_account = models.ForeignKey(Account, on_delete=models.DO_NOTHING, related_name="debits")
    credit_account = models.ForeignKey(Account, on_delete=models.DO_NOTHING, related_name="credits")
    amount_nanos = models.BigIntegerField()
    granted_nanos = models.BigIntegerField()
    reason = models.TextField()
    settlement = models.ForeignKey(Settlement, on_delete=models.DO_NOTHING, null=True, related_name="+")
    created_at = models.DateTimeField()

    objects: ClassVar[models.Manager["Transfer"]] = models.Manager()

    class Meta:
        managed = False
        db_table = "transfer"

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
