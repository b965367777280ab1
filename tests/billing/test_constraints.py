"""Going around the functions: the tables themselves refuse, and the application's role may not even try."""

import anyio
import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from psycopg_pool import AsyncConnectionPool

from accounts.services import organization_create, user_create
from billing import ledger
from billing.holds import LedgerClient
from billing.leases import lease_open
from gateway.request_id import request_id_make
from tests.billing.books import USD, Books, Purse
from tests.billing.test_holds import finish_of, hold_of
from tokenoutput.local_secrets import local_secrets

USAGE = "INSERT INTO usage_record (day, id, corrects_id, wallet_id, api_key_id, model_id, price_version_id, held_nanos,"
USAGE += (
    " charge_nanos, write_off_nanos, started_at, created_at, client_protocol, outcome, source, input_tokens) VALUES"
)
DOORS = {
    "ledger_close_day",
    "usage_month_detach",
    "usage_month_merge",
    "gateway_lease_open",
    "gateway_lease_renew",
    "gateway_leases_forget",
    "ledger_progress",
    "ledger_reap",
    "ledger_credit",
    "ledger_finish",
    "ledger_hold",
    "ledger_limit_remove",
    "ledger_limit_set",
    "ledger_settle",
    "clearing_book",
    "dispute_book",
    "refund_open",
    "refund_settle",
    "topup_credit",
    "usage_partitions_ensure",
    "wallet_freeze_add",
    "wallet_open",
    "wallet_status_set",
}


def refused(books, query, arguments, *, sqlstate, constraint=None):
    with pytest.raises(psycopg.Error) as caught:
        books.connection.execute(query, arguments)
    assert caught.value.sqlstate == sqlstate, caught.value
    assert constraint is None or caught.value.diag.constraint_name == constraint


CHECK, UNIQUE, APPEND_ONLY = "23514", "23505", "LG003"


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("held_nanos = posted_nanos + 1", "wallet_never_overspent"),
        ("posted_nanos = -1", "wallet_never_overspent"),
        ("held_nanos = -1", "wallet_held_not_negative"),
        ("debt_nanos = -1", "wallet_debt_not_negative"),
        ("granted_nanos = -1", "wallet_granted_not_negative"),
        ("status = 'odd'", "wallet_status_check"),
    ],
)
def test_wallet(books, change, constraint):
    wallet = books.wallet(1)
    refused(books, f"UPDATE wallet SET {change} WHERE id = %s", [wallet], sqlstate=CHECK, constraint=constraint)


def test_one_wallet_for_an_organisation(books):
    organization = books.one("INSERT INTO accounts_organization DEFAULT VALUES RETURNING id")
    wallet = books.one("SELECT wallet_open(%s)", organization)
    assert books.one("SELECT wallet_open(%s)", organization) == wallet
    refused(books, "INSERT INTO wallet (organization_id) VALUES (%s)", [organization], sqlstate=UNIQUE)
    restricted = "23001" if books.connection.info.server_version >= 180000 else "23503"
    refused(books, "DELETE FROM accounts_organization WHERE id = %s", [organization], sqlstate=restricted)


def test_transfers_are_append_only(books):
    wallet = books.wallet(1)
    for change in ("UPDATE transfer SET reason = 'x'", "DELETE FROM transfer", "TRUNCATE transfer"):
        refused(books, change, [], sqlstate=APPEND_ONLY)
    # Not even a change that would touch no row.
    refused(books, "DELETE FROM transfer WHERE id = -1", [], sqlstate=APPEND_ONLY)
    insert = (
        "INSERT INTO transfer (idempotency_key, kind, debit_account_id, credit_account_id, amount_nanos,"
        " granted_nanos, created_at) SELECT %s, %s, account_of('promo'), account_of(%s, %s), %s, %s, now()"
    )
    good = [f"x:{wallet}", "promo", "wallet", wallet, 5, 0]
    for place, wrong, constraint in [
        (0, "", "transfer_idempotency_key_check"),
        (0, "x" * 201, "transfer_idempotency_key_check"),
        (1, "gift", "transfer_kind_check"),
        (4, 0, "transfer_amount_positive"),
        (4, -5, "transfer_amount_positive"),
        (5, 6, "transfer_granted_part"),
    ]:
        arguments = [*good[:place], wrong, *good[place + 1 :]]
        refused(books, insert, arguments, sqlstate=CHECK, constraint=constraint)
    same = [f"x:{wallet}", "promo", "promo", None, 5, 0]
    refused(books, insert, same, sqlstate=CHECK, constraint="transfer_two_accounts")
    twice = [f"first:{wallet}", *good[1:]]
    refused(books, insert, twice, sqlstate=UNIQUE, constraint="transfer_idempotent")


def test_usage_records(books):
    wallet, request = books.wallet(1), request_id_make()
    good: dict[str, object] = {
        "day": books.one("SELECT uuid7_day(%s)", request),
        "id": request,
        "corrects_id": None,
        "wallet_id": wallet,
        "held": 10,
        "charge": 5,
        "write_off": 0,
        "outcome": "completed",
        "source": "upstream",
        "input": 1,
    }
    values = (
        "(%(day)s, %(id)s, %(corrects_id)s, %(wallet_id)s, 1, 1, 1, %(held)s, %(charge)s, %(write_off)s, now(), now(),"
        " 'openai_chat', %(outcome)s, %(source)s, %(input)s)"
    )
    wrongs: list[tuple[dict[str, object], str]] = [
        ({"day": "2020-01-01"}, "usage_record_day"),
        ({"corrects_id": request_id_make()}, "usage_record_corrects"),
        ({"outcome": "odd"}, "usage_record_outcome"),
        ({"source": "odd"}, "usage_record_source"),
        ({"charge": -5}, "usage_record_not_negative"),
        ({"input": -1}, "usage_record_not_negative"),
        ({"outcome": "void"}, "usage_record_void_is_free"),
        ({"write_off": 1}, "usage_record_write_off"),
        ({"charge": 12, "write_off": 3}, "usage_record_write_off"),
    ]
    for wrong, constraint in wrongs:
        refused(books, USAGE + values, good | wrong, sqlstate=CHECK, constraint=constraint)
    with books.connection.transaction(force_rollback=True):
        books.connection.execute(USAGE + values, good)
        refused(books, USAGE + values, good, sqlstate=UNIQUE)


def test_limits_and_holds(books):
    wallet = books.wallet(1)
    limit = (
        "INSERT INTO spending_limit (wallet_id, api_key_id, member_id, period, amount_nanos, window_start)"
        " VALUES (%s, %s, %s, %s, %s, now())"
    )
    key = books.new_id()
    for arguments, constraint in [
        ([wallet, key, 1, "daily", 1], "limit_one_subject"),
        ([wallet, key, None, "hourly", 1], "spending_limit_period_check"),
        ([wallet, key, None, "daily", 0], "spending_limit_amount_nanos_check"),
    ]:
        refused(books, limit, arguments, sqlstate=CHECK, constraint=constraint)
    books.limit(wallet, 1, key=key, period="daily")
    refused(books, limit, [wallet, key, None, "daily", 1], sqlstate=UNIQUE, constraint="limit_once")
    books.limit(wallet, 1, period="daily")
    refused(books, limit, [wallet, None, None, "daily", 1], sqlstate=UNIQUE, constraint="limit_once")
    books.limit(books.wallet(), 1, period="daily")
    refused(
        books,
        "INSERT INTO hold VALUES (%s, %s, 1, NULL, 1, 1, 1, -1, 0, now(), now(), 'x')",
        [request_id_make(), wallet],
        sqlstate=CHECK,
    )


def test_partitions(books):
    """A day with rows in the default partition is left alone, with a warning; the check tells of the rows."""
    ensure = "SELECT usage_partitions_ensure('2031-01-01'::date + %s, '2031-01-01'::date + %s)"
    assert books.one(ensure, 0, 2) == 3
    assert books.one(ensure, 0, 3) == 1
    wallet = books.wallet(1)
    far = books.one(
        "SELECT ('01c1000000007' || substr(md5(random()::text), 1, 3) || 'a' || substr(md5(''), 1, 15))::uuid"
    )
    day = books.one("SELECT uuid7_day(%s)", far)
    with books.connection.transaction(force_rollback=True):
        books.hold(wallet, 1, request=far)
        assert books.finish(far, wallet, 1) == ("charged", 1, 0)
        assert books.finish(far, wallet, 1) == ("duplicate", 1, 0)
        violations = books.connection.execute("SELECT * FROM ledger_violation").fetchall()
        assert violations == [("default_partition", str(day), 1, None)]
        warnings = []
        books.connection.add_notice_handler(lambda diagnostic: warnings.append(diagnostic.message_primary))
        assert books.one("SELECT usage_partitions_ensure(%s, %s + 1)", day, day) == 1
        assert f"no partition of its own for {day}" in warnings[0]


# --- the application's role -----------------------------------------------------------------------------------------


@pytest.fixture
def granted(database):
    call_command("database_grant")
    call_command("database_grant")  # twice is fine


def as_application(**more):
    where = connection.settings_dict
    return {
        "host": where["HOST"],
        "user": settings.DATABASE_APPLICATION_ROLE,
        "password": local_secrets(settings.DATA_DIR).application_password,
        "dbname": connection.connection.info.dbname if connection.connection else where["NAME"],
        "autocommit": True,
    } | more


@pytest.fixture
def application(granted):
    with psycopg.connect(**as_application()) as opened:
        yield Books(opened)


@pytest.fixture
def wallet(granted):
    name = f"Limited {request_id_make()}"
    owner = user_create(email=f"{request_id_make()}@example.com", password=None, verified=True)
    organization = organization_create(name=name, owner=owner)
    ledger.wallet_credit(
        organization_id=organization.id,
        amount_nanos=10 * USD,
        key=f"application:{organization.id}",
        kind="correction",
        reason="",
    )
    return ledger.wallet_open(organization_id=organization.id)


DENIED = "42501"
MONEY = {  # each with a column that may be named in an UPDATE
    "wallet": "posted_nanos",
    "hold": "amount_nanos",
    "usage_record": "charge_nanos",
    "usage_hourly": "charge_nanos",
    "spending_limit": "amount_nanos",
    "account": "kind",
    "settlement": "records",
    "transfer": "amount_nanos",
    "gateway_lease": "name",
    "ledger_close": "transfer_id",
    "account_close": "balance_nanos",
    "usage_detached": "records",
}


@pytest.mark.parametrize("table", [*MONEY, "usage_record_default"])
def test_the_application_writes_no_money_table(application, table):
    column = MONEY.get(table, "charge_nanos")
    for change in (
        f"UPDATE {table} SET {column} = {column}",
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
        f"INSERT INTO {table} DEFAULT VALUES",
    ):
        refused(application, change, [], sqlstate=DENIED)
    if table in MONEY:
        application.one(f"SELECT count(*) FROM {table}")


def test_the_application_only_adds_to_the_audit_log(application):
    with application.connection.transaction(force_rollback=True):
        application.one("INSERT INTO accounts_auditentry (organization_id, actor, action, target, details, created_at)"
                        " VALUES (1, '', 'a.b', '', '{}', now()) RETURNING id")  # fmt: skip
    refused(application, "UPDATE accounts_auditentry SET actor = 'x'", [], sqlstate=DENIED)
    refused(application, "DELETE FROM accounts_auditentry", [], sqlstate=DENIED)


def test_the_application_changes_no_tables(application):
    for change in (
        "CREATE TABLE mine (id int)",
        "DROP TABLE hold",
        "ALTER TABLE wallet DROP CONSTRAINT wallet_never_overspent",
        "ALTER TABLE transfer DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "INSERT INTO django_migrations (app, name, applied) VALUES ('x', 'x', now())",
        "CREATE OR REPLACE FUNCTION ledger_now() RETURNS timestamptz LANGUAGE sql AS 'SELECT now()'",
    ):
        refused(application, change, [], sqlstate=DENIED)


def test_the_application_runs_the_public_functions_only(application):
    """Whatever may write is one of the named doors; each has a fixed search path."""
    rows = application.connection.execute(
        "SELECT proname, proconfig FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
    ).fetchall()
    assert {name for name, _ in rows} == DOORS | {"usage_strays", "topup_refundable"}  # which only read
    assert all("search_path=public, pg_temp" in config for _, config in rows)
    may = application.connection.execute(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND provolatile = 'v'"
        " AND prorettype <> 'trigger'::regtype AND has_function_privilege(oid, 'EXECUTE')"
    ).fetchall()
    assert {name for (name,) in may} == DOORS | {"ledger_now"}
    refused(application, "SELECT ledger_lock('{}')", [], sqlstate=DENIED)
    refused(application, "SELECT ledger_credit_from(1, 1, 'x', 'topup', 'bank', '')", [], sqlstate=DENIED)


def test_the_application_does_its_work(application, wallet):
    """Hold, finish, settle, check, and rows of ordinary tables."""
    request = application.hold(wallet, 4)
    assert application.finish(request, wallet, 1) == ("charged", 1, 0)
    application.settle()
    assert application.purse(wallet) == Purse(9)
    application.check()
    with application.connection.transaction(force_rollback=True):
        application.one("INSERT INTO accounts_organization (name, slug, is_active, created_at) VALUES"
                        " ('A', 'a-very-own-slug', true, now()) RETURNING id")  # fmt: skip


async def test_the_gateway_works_as_the_application(wallet):
    async with AsyncConnectionPool(kwargs=as_application(), min_size=2, open=False) as pool:
        client = LedgerClient(pool, await lease_open(pool, name="as the application"))
        hold = hold_of(wallet)
        async with anyio.create_task_group() as group:
            group.start_soon(client.run)
            assert (await client.hold(hold)).decision == "held"
            assert (await client.finish(finish_of(hold))).result == "charged"
            group.cancel_scope.cancel()


def test_grant_to_the_owner_or_to_nobody(granted, capsys):
    call_command("database_grant", connection.settings_dict["USER"])
    assert "nothing to grant" in capsys.readouterr().out
    assert ledger.ledger_check() == []  # and nothing was taken from it
    with pytest.raises(CommandError, match="There is no database role nobody_here"):
        call_command("database_grant", "nobody_here")
