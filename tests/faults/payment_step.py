"""`python -m tests.faults.payment_step topup|refund …`: one step of a payment in a process of its own, to be killed."""

import sys
from collections.abc import Callable
from uuid import UUID

import django


def topup(organization_id: str, session_id: str) -> None:
    from billing.topups import topup_returned  # noqa: PLC0415 -- needs Django set up

    topup_returned(organization_id=int(organization_id), session_id=session_id)


def refund(organization_id: str, topup_id: str, refund_id: str, amount_cents: str, user_id: str) -> None:
    from billing.refunds import refund_ask  # noqa: PLC0415 -- needs Django set up

    refund_ask(
        organization_id=int(organization_id),
        topup_id=UUID(topup_id),
        refund_id=UUID(refund_id),
        amount_cents=int(amount_cents),
        by_user_id=int(user_id),
    )


if __name__ == "__main__":
    django.setup()
    steps: dict[str, Callable[..., None]] = {"topup": topup, "refund": refund}
    steps[sys.argv[1]](*sys.argv[2:])
