"""The writer, the selectors, the worker's tasks and the operator's commands, through Django's connection."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import psycopg
import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from accounts.selectors import api_keys_list
from accounts.services import api_key_create, organization_create, user_create
from billing import ledger, selectors, tasks
from catalog.pricing import Usage
from gateway.request_id import request_id_make
from tests.billing.books import USD, Books

pytestmark = pytest.mark.django_db


class DjangoBooks(Books):
    """The same stories told through Django's connection, inside the test's transaction."""

    def __init__(self):
        connection.ensure_connection()
        super().__init__(connection.connection)


@pytest.fixture
def books(db):
    return DjangoBooks()


@pytest.fixture
def owner(db):
    return user_create(email="owner@example.com", password=None, verified=True)


@pytest.fixture
def organization(owner):
    return organization_create(name="Acme Rockets", owner=owner)


def credit(organization, usd, *, key=None, kind="correction", reason="a story"):
    return ledger.wallet_credit(
        organization_id=organization.id,
        amount_nanos=round(usd * USD),
        key=key or str(request_id_make()),
        kind=kind,
        reason=reason,
    )


def run(command, *arguments, **options):
    out = StringIO()
    call_command(command, *arguments, stdout=out, **options)
    return out.getvalue()


# --- the writer ------------------------------------------------------------------------------------------------------


def test_credit_opens_the_wallet_and_counts_once(organization, books):
    assert credit(organization, 10, key="a") == "credited"
    assert credit(organization, 10, key="a") == "duplicate"
    for wrong in ({"usd": 11}, {"usd": 10, "kind": "promo"}, {"usd": 10, "reason": "other"}):
        with pytest.raises(ledger.TransferConflict):
            credit(organization, key="a", **wrong)
    # A conflict leaves the surrounding transaction usable.
    assert selectors.wallet_get(organization_id=organization.id).balance_nanos == 10 * USD
    books.check()


def test_credit_refuses_what_makes_no_sense(organization):
    for amount_nanos in (0, -1):
        with pytest.raises(ValueError, match="more than nothing"):
            ledger.wallet_credit(
                organization_id=organization.id, amount_nanos=amount_nanos, key="a", kind="promo", reason=""
            )
    with pytest.raises(DatabaseError), transaction.atomic():
        credit(organization, 1, kind="payout")
    with pytest.raises(DatabaseError), transaction.atomic():
        ledger.wallet_credit(organization_id=-1, amount_nanos=1, key="b", kind="promo", reason="")


def test_settling_tells_when_keys_were_used(organization, books):
    key = api_key_create(organization_id=organization.id, name="first")
    credit(organization, 1)
    wallet = ledger.wallet_open(organization_id=organization.id)
    books.finish(books.hold(wallet, 0.5, key=key.id), wallet, 0.5)
    assert ledger.usage_settle() == 1
    assert ledger.usage_settle() == 0
    (shown,) = api_keys_list(organization_id=organization.id)
    assert shown.last_used_at is not None
    assert datetime.now(UTC) - shown.last_used_at < timedelta(minutes=1)


def test_check_names_each_difference(organization, books):
    credit(organization, 1)
    wallet = ledger.wallet_open(organization_id=organization.id)
    assert run("check_ledger") == ""
    assert json.loads(run("check_ledger", "--json")) == []
    books.one("UPDATE wallet SET posted_nanos = posted_nanos + 5 WHERE id = %s RETURNING 1", wallet)
    assert ledger.ledger_check() == [ledger.Violation("posted", str(wallet), 5, wallet)]
    out = StringIO()
    with pytest.raises(SystemExit) as exited:
        call_command("check_ledger", stdout=out)
    assert exited.value.code == 1
    assert out.getvalue() == f"posted\t{wallet}\t5\n"
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("check_ledger", "--json", stdout=out)
    (said,) = json.loads(out.getvalue())
    assert said == {"rule": "posted", "subject": str(wallet), "difference": 5, "wallet_id": wallet}


BREAKS = {
    "posted": "UPDATE wallet SET posted_nanos = posted_nanos - 1 WHERE id = %(wallet)s",
    "debt": "UPDATE wallet SET debt_nanos = 1 WHERE id = %(wallet)s",
    "granted": "UPDATE wallet SET granted_nanos = granted_nanos + 1 WHERE id = %(wallet)s",
    "granted_above_balance": "UPDATE wallet SET granted_nanos = 99e9 WHERE id = %(wallet)s",
    "wallet_held": "UPDATE wallet SET held_nanos = held_nanos + 1 WHERE id = %(wallet)s",
    "wallet_without_accounts": "DELETE FROM account WHERE kind = 'debt' AND wallet_id = %(wallet)s",
    "hold_without_wallet": "UPDATE hold SET wallet_id = -1 WHERE request_id = %(live)s",
    "limit_held": "UPDATE spending_limit SET held_nanos = held_nanos + 1 WHERE wallet_id = %(wallet)s",
    "limit_spent": "UPDATE spending_limit SET spent_nanos = spent_nanos + 1 WHERE wallet_id = %(wallet)s",
    "held_and_charged": "UPDATE hold SET request_id = %(used)s WHERE request_id = %(live)s",
    "late_without_reaped": "UPDATE usage_record SET outcome = 'completed' WHERE id = %(reaped)s",
    "settlement_sum": "UPDATE usage_record SET charge_nanos = charge_nanos + 1 WHERE id = %(used)s",
    "settlement_cost": "UPDATE usage_record SET cost_nanos = cost_nanos + 1 WHERE id = %(used)s",
    "settlement_count": "UPDATE settlement SET records = records + 1",
    "roll_up": "UPDATE usage_hourly SET output_tokens = output_tokens + 1 WHERE wallet_id = %(wallet)s",
    "topup_without_payment": "SELECT ledger_credit_from(%(wallet)s, 1, 'x', 'topup', 'stripe_clearing', '')",
}


@pytest.mark.parametrize("name", BREAKS)
def test_every_rule_can_fail(organization, books, name):
    """Each rule of the check sees the one number that was bent."""
    credit(organization, 10)
    wallet, key = ledger.wallet_open(organization_id=organization.id), 5
    ledger.spending_limit_set(wallet_id=wallet, api_key_id=key, period="total", amount_nanos=9 * USD)
    used, reaped, live = (books.hold(wallet, 2, key=key) for _ in range(3))
    books.finish(used, wallet, 1, output=5, cost=0.5)
    books.reap(reaped, wallet, 1)
    books.finish(reaped, wallet, 1.5)
    ledger.usage_settle()
    assert ledger.ledger_check() == []
    arguments = {"wallet": wallet, "used": used, "reaped": reaped, "live": live}
    with connection.cursor() as cursor:
        cursor.execute(BREAKS[name], arguments)
    assert name in {violation.rule for violation in ledger.ledger_check()}


def test_partitions_are_made_ahead(db):
    """Migrations made two weeks; in ten days the worker makes the ten that are missing."""
    assert ledger.usage_partitions_prepare() == 0
    with time_machine.travel(datetime.now(UTC) + timedelta(days=10), tick=False):
        assert ledger.usage_partitions_prepare() == 10
        tasks.partitions()
        assert ledger.usage_partitions_prepare() == 0


def test_the_sweep_settles_batch_after_batch(organization, books, monkeypatch):
    credit(organization, 10)
    wallet = ledger.wallet_open(organization_id=organization.id)
    books.finish_many([(books.hold(wallet, 0.1), wallet, 0.1) for _ in range(7)])
    waiting = "SELECT count(*) FROM usage_record WHERE settlement_id IS NULL"
    monkeypatch.setattr(tasks, "SETTLE_LIMIT", 2)
    monkeypatch.setattr(tasks, "SETTLE_BATCHES_MAX", 2)
    tasks.settle()
    assert books.one(waiting) == 3  # bounded
    tasks.settle()
    assert books.one(waiting) == 0
    tasks.settle()
    books.check()


# --- what others see -------------------------------------------------------------------------------------------------


def test_wallet_view(organization, books):
    with pytest.raises(selectors.WalletNotFound):
        selectors.wallet_get(organization_id=organization.id)
    credit(organization, 10)
    credit(organization, 5, kind="promo")
    wallet = ledger.wallet_open(organization_id=organization.id)
    request = books.hold(wallet, 4)
    expected = selectors.WalletView(wallet, 15 * USD, 4 * USD, 11 * USD, 5 * USD, 0, "active")
    assert selectors.wallet_get(organization_id=organization.id) == expected
    # Granted credit is seen as spent at once, though it is taken off at settlement.
    books.finish(request, wallet, 3)
    before = selectors.wallet_get(organization_id=organization.id)
    assert (before.balance_nanos, before.granted_nanos) == (12 * USD, 2 * USD)
    ledger.usage_settle()
    assert selectors.wallet_get(organization_id=organization.id) == before


def test_usage_newest_first(organization, books):
    assert selectors.usage_list(organization_id=organization.id) == []
    credit(organization, 10)
    wallet = ledger.wallet_open(organization_id=organization.id)
    requests = [books.hold(wallet, 1) for _ in range(5)]
    for request in requests:
        books.finish(request, wallet, 0.5, input=10, output=7, reasoning=2)
    newest = sorted(requests, reverse=True)
    rows = selectors.usage_list(organization_id=organization.id, limit=3)
    assert [row.id for row in rows] == newest[:3]
    older = selectors.usage_list(organization_id=organization.id, before=rows[-1].id)
    assert [row.id for row in older] == newest[3:]
    row = older[0]
    assert row.usage == Usage(input_tokens=10, output_tokens=7, reasoning_tokens=2)
    assert (row.charge_nanos, row.write_off_nanos, row.outcome, row.source) == (USD // 2, 0, "completed", "upstream")


def test_spend(organization, books):
    """Settled or not, less what we bore; since the start of an hour."""
    now = datetime.now(UTC)
    assert selectors.spend_since(organization_id=organization.id, since=now) == 0
    credit(organization, 4)
    wallet = ledger.wallet_open(organization_id=organization.id)
    books.finish(books.hold(wallet, 1), wallet, 1)
    ledger.usage_settle()
    books.finish(books.hold(wallet, 1), wallet, 5)
    since = now - timedelta(hours=1)
    assert selectors.spend_since(organization_id=organization.id, since=since) == 4 * USD
    assert selectors.spend_since(organization_id=organization.id, since=now + timedelta(hours=2)) == 0


def test_transfers(organization, books):
    assert selectors.transfers_list(organization_id=organization.id) == []
    credit(organization, 10, reason="first")
    wallet = ledger.wallet_open(organization_id=organization.id)
    books.finish(books.hold(wallet, 1), wallet, 1)
    ledger.usage_settle()
    credit(organization, 2, kind="goodwill", reason="sorry")
    lines = selectors.transfers_list(organization_id=organization.id)
    shown = [(line.kind, line.amount_nanos // USD, line.reason) for line in lines]
    assert shown == [("goodwill", 2, "sorry"), ("usage", -1, ""), ("correction", 10, "first")]
    assert selectors.transfers_list(organization_id=organization.id, limit=1) == lines[:1]


@pytest.mark.usefixtures("database")
async def test_wallet_id_for_the_gateway(place18):
    async with await psycopg.AsyncConnection.connect(**place18.parameters()) as opened:
        cursor = await opened.execute("INSERT INTO accounts_organization DEFAULT VALUES RETURNING id")
        (organization_id,) = await cursor.fetchone() or (0,)
        assert await selectors.wallet_id_get(opened, organization_id=organization_id) is None
        cursor = await opened.execute("SELECT wallet_open(%s)", [organization_id])
        (wallet_id,) = await cursor.fetchone() or (0,)
        assert await selectors.wallet_id_get(opened, organization_id=organization_id) == wallet_id


# --- commands --------------------------------------------------------------------------------------------------------


def test_wallet_credit_and_show(organization, books):
    assert (
        run("wallet_credit", "Acme Rockets", "12.50", "--reason", "invoice 7") == "Credited $12.50 to acme-rockets.\n"
    )
    assert "Credited $3.00" in run("wallet_credit", "acme-rockets", "3", "--reason", "sorry", "--kind", "goodwill")
    once = ["wallet_credit", "acme-rockets", "1.000000001", "--reason", "x", "--key", "once"]
    assert run(*once) == "Credited $1.000000001 to acme-rockets.\n"
    assert run(*once) == "Credited before: $1.000000001 to acme-rockets.\n"
    with pytest.raises(CommandError, match="used before for another credit"):
        run("wallet_credit", "acme-rockets", "2", "--reason", "x", "--key", "once")
    wallet = ledger.wallet_open(organization_id=organization.id)
    books.hold(wallet, 2)
    assert json.loads(run("wallet_show", "acme-rockets")) == {
        "organization": "acme-rockets",
        "status": "active",
        "balance": "16.500000001",
        "held": "2.00",
        "available": "14.500000001",
        "granted": "3.00",
        "debt": "0.00",
    }


@pytest.mark.parametrize("usd", ["0", "-1", "x", "", "NaN", "Infinity", "1.0000000001", "1000001", "1e30", "\u0661"])
def test_wallet_credit_refuses_amounts(organization, usd):
    with pytest.raises(CommandError) as caught:
        run("wallet_credit", "acme-rockets", usd, "--reason", "x")
    assert "\n" not in str(caught.value)
    with pytest.raises(selectors.WalletNotFound):
        selectors.wallet_get(organization_id=organization.id)


def test_commands_say_what_is_wrong(organization):
    for arguments, message in [
        (["wallet_credit", "nobody", "1", "--reason", "x"], "nobody"),
        (["wallet_show", "nobody"], "nobody"),
        (["wallet_show", "acme-rockets"], "has no wallet yet"),
        (["wallet_credit", "acme-rockets", "1", "--reason", " "], "1 to 500 characters"),
        (["wallet_credit", "acme-rockets", "1", "--reason", "x" * 501], "1 to 500 characters"),
        (["wallet_credit", "acme-rockets", "1", "--reason", "x", "--key", "k" * 101], "at most 100"),
        (["wallet_credit", "acme-rockets", "1"], "--reason"),
    ]:
        with pytest.raises(CommandError, match=message):
            run(*arguments)
