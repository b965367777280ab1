"""What payments do to the books: each function is one call of billing/sql/payments.sql, safe at any time and twice."""

from collections.abc import Sequence
from typing import Any, Literal, cast
from uuid import UUID

from django.db import DatabaseError, connection, transaction

from billing.ledger import TRANSFER_CONFLICT_SQLSTATE, TransferConflict

type Answer = Literal["credited", "duplicate"]
type Opened = Literal["opened", "duplicate", "refused"]


def topup_credit(*, topup_id: UUID, payment_intent_id: str, tax_cents: int) -> Answer:
    """Put a paid top-up on its wallet; `TransferConflict` if another payment has paid it."""
    return cast("Answer", _call("SELECT topup_credit(%s, %s, %s)", topup_id, payment_intent_id, tax_cents))


def topup_refundable_cents(*, topup_id: UUID) -> int:
    """What could go back to the card now: bought, unspent, and not refunded before."""
    return int(_call("SELECT topup_refundable(%s)", topup_id))


def refund_open(
    *, refund_id: UUID, topup_id: UUID, amount_cents: int, by_user_id: int | None, source: Literal["customer", "staff"]
) -> Opened:
    """Set money aside that was asked back; `refused` where it is more than can go back."""
    arguments = (refund_id, topup_id, amount_cents, None, source, by_user_id)
    return cast("Opened", _call("SELECT refund_open(%s, %s, %s, %s, %s, %s)", *arguments))


def refund_found(*, refund_id: UUID, topup_id: UUID, amount_cents: int, tax_cents: int) -> None:
    """Take off what was refunded at Stripe; what is spent already is owed."""
    arguments = (refund_id, topup_id, amount_cents, tax_cents, "stripe", None)
    _call("SELECT refund_open(%s, %s, %s, %s, %s, %s)", *arguments)


def refund_settle(*, refund_id: UUID, stripe_id: str | None, status: Literal["pending", "succeeded", "failed"]) -> None:
    """What became of a refund at Stripe; a failed one returns to the wallet."""
    _call("SELECT refund_settle(%s, %s, %s)", refund_id, stripe_id, status)


def dispute_book(*, dispute_id: str, topup_id: UUID, gross_cents: int, status: str, moves: Sequence[bool]) -> None:
    """Bring the books to what a dispute has come to. `moves`: withdrawn, reinstated, closed."""
    _call("SELECT dispute_book(%s, %s, %s, %s, %s, %s, %s)", dispute_id, topup_id, gross_cents, status, *moves)


def clearing_book(*, key: str, kind: Literal["fee", "payout"], amount_nanos: int) -> None:
    """A fee that Stripe kept or a payout to the bank, once for each `key`."""
    _call("SELECT clearing_book(%s, %s, %s)", key, kind, amount_nanos)


def _call(query: str, *arguments: Any) -> Any:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(query, arguments)
            row: tuple[Any, ...] | None = cursor.fetchone()
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", None) == TRANSFER_CONFLICT_SQLSTATE:
            raise TransferConflict(str(arguments[0])) from error
        raise
    assert row is not None  # Each of these functions answers exactly one row.
    return row[0]
