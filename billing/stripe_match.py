"""The daily match: each line of our account at Stripe beside what stands for it in the books."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from django.db import transaction
from django.utils import timezone

from billing import payment_ledger, stripe_client
from billing.alarms import alarm_raise, alarms_clear
from billing.models import Dispute, Refund, StripeMatch, Topup
from billing.payment_models import NANOS_PER_CENT
from billing.stripe_objects import AccountLine
from catalog.money import nanos_to_usd

LINES_TIME = timedelta(days=7)
RULE = "stripe_match"
# Lines that are no customer's: what they moved is booked from the line itself.
MOVES: Mapping[str, Literal["payout", "fee"]] = {"payout": "payout", "stripe_fee": "fee"}


def account_match() -> list[StripeMatch]:
    """Write down each line of our account at Stripe with what stands for it here; those that nothing stands for.

    Fees and payouts are booked by it. A line without a counterpart is an alarm and is looked for again each day.
    """
    since = timezone.now() - LINES_TIME
    for line in stripe_client.account_lines_since(since):
        _book(line)
    missing = list(StripeMatch.objects.filter(found="").order_by("created_at"))
    for row in missing:
        dollars = nanos_to_usd(row.amount_cents * NANOS_PER_CENT)
        alarm_raise(rule=RULE, subject=row.id, detail=f"{row.type} of {dollars} USD has nothing in our books")
    alarms_clear(rules={RULE}, still=[(RULE, row.id) for row in missing])
    return missing


@transaction.atomic
def _book(line: AccountLine) -> None:
    """A line and what it moved stand in one transaction: the check of the books adds the lines up."""
    payment_ledger.clearing_book(key=f"fee:{line.id}", kind="fee", amount_nanos=line.fee_cents * NANOS_PER_CENT)
    if line.type in MOVES:
        kind = MOVES[line.type]
        moved_nanos = -line.amount_cents * NANOS_PER_CENT
        payment_ledger.clearing_book(key=f"{kind}:{line.id}:amount", kind=kind, amount_nanos=moved_nanos)
    row = {
        "type": line.type[:40],
        "created_at": line.created_at,
        "amount_cents": line.amount_cents,
        "fee_cents": line.fee_cents,
        "source_id": line.source_id,
        "found": _found(line),
        "matched_at": timezone.now(),
    }
    StripeMatch.objects.update_or_create(id=line.id, defaults=row)


def _found(line: AccountLine) -> str:
    """What stands for a line in our books; empty where nothing does or the amount is another."""
    if line.type in MOVES:
        return f"{MOVES[line.type]} {line.source_id}".strip()
    if line.source_id.startswith(("re_", "pyr_")):
        refund = Refund.objects.filter(refund_id=line.source_id).first()
        return f"refund {refund.id}" if refund and abs(line.amount_cents) == refund.gross_cents else ""
    if line.source_id.startswith(("dp_", "du_")):
        dispute = Dispute.objects.filter(id=line.source_id).first()
        return f"dispute {dispute.id}" if dispute and abs(line.amount_cents) == dispute.gross_cents else ""
    topup = Topup.objects.filter(payment_intent_id=line.payment_intent_id or "", status="paid").first()
    return f"topup {topup.id}" if topup and line.amount_cents == topup.gross_cents else ""
