"""What we read of Stripe's objects: frozen, typed, in cents; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

type Fields = Mapping[str, Any]

# A dispute that is over, whoever won; "warning" ones never took money.
DISPUTE_CLOSED = frozenset({"won", "lost", "warning_closed", "prevented"})
REFUND_STATUSES: Mapping[str, Literal["pending", "succeeded", "failed"]] = {
    "pending": "pending",
    "requires_action": "pending",
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "failed",
}


@dataclass(frozen=True, slots=True)
class Order:
    """A top-up that Stripe is asked for."""

    topup_id: UUID
    organization_id: int
    customer_id: str
    amount_cents: int
    tax_id: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """A Checkout session. `tax_cents` is known once it is paid."""

    id: str
    url: str
    status: str
    payment_status: str
    payment_intent_id: str | None
    topup_id: UUID | None
    tax_cents: int
    invoice_id: str | None


@dataclass(frozen=True, slots=True)
class Payment:
    """A PaymentIntent. `card_id` where the customer let the card be saved; `failure` says why it is not paid."""

    id: str
    status: str
    received_cents: int
    currency: str
    customer_id: str | None
    livemode: bool
    topup_id: UUID | None
    organization_id: int | None
    amount_cents: int | None
    card_id: str | None
    failure: str
    receipt_url: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RefundState:
    """A refund as Stripe has it; `refund_id` is ours, where it was asked for here."""

    id: str
    status: Literal["pending", "succeeded", "failed"]
    gross_cents: int
    payment_intent_id: str
    refund_id: UUID | None


@dataclass(frozen=True, slots=True)
class DisputeState:
    """A dispute as Stripe has it: whether the money was taken, and whether it came back."""

    id: str
    status: str
    gross_cents: int
    payment_intent_id: str
    withdrawn: bool
    reinstated: bool

    @property
    def closed(self) -> bool:
        return self.status in DISPUTE_CLOSED


@dataclass(frozen=True, slots=True)
class Card:
    """A saved card, as a person knows it."""

    id: str
    name: str
    expires: str


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One line of our account at Stripe (a balance transaction)."""

    id: str
    type: str
    amount_cents: int
    fee_cents: int
    source_id: str
    payment_intent_id: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """An event: which object changed."""

    id: str
    type: str
    object_id: str
    related_id: str
    created_at: datetime
    livemode: bool


def session_read(fields: Fields) -> Session:
    return Session(
        id=fields["id"],
        url=fields.get("url") or "",
        status=fields.get("status") or "",
        payment_status=fields["payment_status"],
        payment_intent_id=_id(fields.get("payment_intent")),
        topup_id=_uuid(fields.get("client_reference_id")),
        tax_cents=(fields.get("total_details") or {}).get("amount_tax") or 0,
        invoice_id=_id(fields.get("invoice")),
    )


def payment_read(fields: Fields) -> Payment:
    charge, said = fields.get("latest_charge"), fields.get("metadata") or {}
    error = fields.get("last_payment_error") or {}
    return Payment(
        id=fields["id"],
        status=fields["status"],
        received_cents=fields.get("amount_received") or 0,
        currency=fields["currency"],
        customer_id=_id(fields.get("customer")),
        livemode=fields["livemode"],
        topup_id=_uuid(said.get("topup_id")),
        organization_id=_whole(said.get("organization_id")),
        amount_cents=_whole(said.get("amount_cents")),
        card_id=_id(fields.get("payment_method")) if fields.get("setup_future_usage") else None,
        failure=error.get("decline_code") or error.get("code") or fields.get("cancellation_reason") or "",
        receipt_url=charge.get("receipt_url") if isinstance(charge, Mapping) else None,
        created_at=_time(fields["created"]),
    )


def refund_read(fields: Fields) -> RefundState:
    return RefundState(
        id=fields["id"],
        status=REFUND_STATUSES[fields["status"]],
        gross_cents=fields["amount"],
        payment_intent_id=_id(fields.get("payment_intent")) or "",
        refund_id=_uuid((fields.get("metadata") or {}).get("refund_id")),
    )


def dispute_read(fields: Fields) -> DisputeState:
    moved = [line["amount"] for line in fields.get("balance_transactions") or []]
    return DisputeState(
        id=fields["id"],
        status=fields["status"],
        gross_cents=fields["amount"],
        payment_intent_id=_id(fields.get("payment_intent")) or "",
        withdrawn=any(amount < 0 for amount in moved),
        reinstated=any(amount > 0 for amount in moved),
    )


def card_read(fields: Fields) -> Card:
    card = fields["card"]
    return Card(
        id=fields["id"],
        name=f"{card['brand'].title()} ending in {card['last4']}",
        expires=f"{card['exp_month']:02d}/{card['exp_year']}",
    )


def account_line_read(fields: Fields) -> AccountLine:
    source = fields.get("source")
    return AccountLine(
        id=fields["id"],
        type=fields["type"],
        amount_cents=fields["amount"],
        fee_cents=fields["fee"],
        source_id=_id(source) or "",
        payment_intent_id=_id(source.get("payment_intent")) if isinstance(source, Mapping) else None,
        created_at=_time(fields["created"]),
    )


def notice_read(fields: Fields) -> Notice:
    """`KeyError`, `TypeError` or `ValueError` where it is no event of an account of our own."""
    if fields["object"] != "event" or fields.get("account"):
        raise ValueError("no event of this account")
    data = fields["data"]
    subject, before = data["object"], data.get("previous_attributes") or {}
    related = subject.get("payment_intent") or subject.get("customer") or before.get("customer")
    return Notice(
        id=_short(fields["id"]),
        type=_short(fields["type"], 100),
        object_id=_short(subject["id"]),
        related_id=_short(_id(related) or "", empty=True),
        created_at=_time(fields["created"]),
        livemode=fields["livemode"] is True,
    )


def _short(text: Any, length: int = 255, *, empty: bool = False) -> str:
    if not isinstance(text, str) or len(text) > length or not (empty or text) or not text.isascii() or "\x00" in text:
        raise ValueError("no id")
    return text


def _id(value: Any) -> str | None:
    """The id of an object that may be expanded."""
    found = value.get("id") if isinstance(value, Mapping) else value
    return found if isinstance(found, str) else None


def _uuid(text: Any) -> UUID | None:
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _whole(text: Any) -> int | None:
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 19 else None


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
