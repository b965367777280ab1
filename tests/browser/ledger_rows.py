"""Usage as the gateway leaves it: holds and finishes through the ledger's own door."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import anyio
from django.db import connection
from django.utils import timezone
from psycopg_pool import AsyncConnectionPool

from billing.attempts import Attempt
from billing.holds import FinishRequest, HoldRequest, LedgerClient, Outcome
from billing.leases import lease_open
from billing.models import Topup
from billing.payment_ledger import refund_open, refund_settle, topup_credit
from catalog.pricing import Usage
from gateway.request_id import request_id_make

DEADLINE_SECONDS = 20
# What was tried before the large one was answered.
BUSY = Attempt(route_id=1, protocol="anthropic_messages", status=429, reason="rate", started_ms=2, duration_ms=95)
# Outcome, input, cached, output tokens, charge in nano-dollars.
REQUESTS: tuple[tuple[Outcome, int, int, int, int], ...] = (
    ("completed", 21, 0, 34, 15_700),
    ("completed", 12_400, 96_000, 1_870, 2_948_000),
    ("client_gone", 310, 0, 120, 79_000),
    ("upstream_error", 0, 0, 0, 0),
)


def usage_make(*, wallet_id: int, api_key_id: int, model_id: int, rounds: int = 1) -> None:
    """Each of `REQUESTS`, so many times over, committed."""
    arguments = (connection.get_connection_params(), wallet_id, api_key_id, model_id, rounds)
    with ThreadPoolExecutor(1) as thread:  # Beside a browser this thread has a running loop already.
        thread.submit(lambda: anyio.run(_usage_make, *arguments)).result()


def payments_make(*, wallet_id: int) -> None:
    """Two payments, one of which went back in part, through the ledger: its books are checked at the end of the run."""
    made = []
    for number, cents in enumerate((5000, 2000)):
        topup = Topup.objects.create(
            wallet_id=wallet_id,
            kind="auto" if number else "checkout",
            status="open",
            amount_cents=cents,
            created_at=timezone.now(),
        )
        topup_credit(topup_id=topup.id, payment_intent_id=f"pi_{wallet_id}_{number}", tax_cents=cents // 5)
        made.append(topup)
    refund_id = uuid4()
    refund_open(refund_id=refund_id, topup_id=made[-1].id, amount_cents=500, by_user_id=None, source="customer")
    refund_settle(refund_id=refund_id, stripe_id=f"re_{wallet_id}", status="succeeded")


async def _usage_make(
    parameters: dict[str, object], wallet_id: int, api_key_id: int, model_id: int, rounds: int
) -> None:
    known = {name: parameters[name] for name in ("dbname", "user", "password", "host", "port") if name in parameters}
    kwargs = known | {"autocommit": True}
    async with AsyncConnectionPool(kwargs=kwargs, min_size=1, max_size=2, open=False) as pool:
        lease_id = await lease_open(pool, name="browser-tests")
        with anyio.fail_after(DEADLINE_SECONDS):
            async with anyio.create_task_group() as group:
                client = LedgerClient(pool, lease_id)
                group.start_soon(client.run)
                for request in REQUESTS * rounds:
                    await _one(client, wallet_id, api_key_id, model_id, request)
                group.cancel_scope.cancel()


async def _one(
    client: LedgerClient, wallet_id: int, api_key_id: int, model_id: int, request: tuple[Outcome, int, int, int, int]
) -> None:
    outcome, input_tokens, cache_read_tokens, output_tokens, charge_nanos = request
    hold = HoldRequest(
        request_id=request_id_make(),
        wallet_id=wallet_id,
        api_key_id=api_key_id,
        member_id=None,
        model_id=model_id,
        price_version_id=1,
        client_protocol="anthropic_messages" if cache_read_tokens else "openai_chat",
        amount_nanos=100_000_000,
    )
    answer = await client.hold(hold)
    assert answer.decision == "held", answer
    await client.finish(
        FinishRequest(
            request_id=hold.request_id,
            wallet_id=wallet_id,
            outcome=outcome,
            source="upstream",
            charge_nanos=charge_nanos,
            cost_nanos=charge_nanos // 2,
            route_id=2 if cache_read_tokens else None,
            upstream_protocol="openai_chat",
            usage=Usage(input_tokens=input_tokens, cache_read_tokens=cache_read_tokens, output_tokens=output_tokens),
            first_content_ms=180,
            duration_ms=940,
            attempts=(BUSY,) if cache_read_tokens else (),
        )
    )
