"""The books against themselves: found within a minute, confirmed, frozen, told; closings, and the night."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone
from structlog.testing import capture_logs

from accounts.services import api_key_create
from billing import ledger, tasks
from billing.alarm_models import Alarm, LedgerCheck, ProviderDay
from billing.alarms import alarm_raise, alarms_mail
from billing.models import StripeEvent
from billing.reconciliation import OPEN_RULES, PAST_RULES, books_audit, books_watch
from tests.billing.books import USD, Purse
from tests.billing.test_admin import DjangoBooks
from tests.billing.test_ledger import BREAKS
from tests.tokenoutput.pages import visitor

pytestmark = pytest.mark.django_db


@pytest.fixture
def books():
    return DjangoBooks()


@pytest.fixture
def story(books):
    """An organisation with money, a limit, settled, waiting, reaped and live requests."""
    host = visitor()
    ledger.wallet_credit(
        organization_id=host.organization.id, amount_nanos=20 * USD, key="story", kind="correction", reason=""
    )
    wallet = ledger.wallet_open(organization_id=host.organization.id)
    key = api_key_create(organization_id=host.organization.id, name="ci").id
    ledger.spending_limit_set(wallet_id=wallet, api_key_id=key, period="total", amount_nanos=19 * USD)
    lease = books.lease(3600)
    used, reaped, live, waiting = (books.hold(wallet, 2, key=key, lease=lease) for _ in range(4))
    books.finish(used, wallet, 1, output=5, cost=0.5)
    books.reap(reaped, wallet, 0.5)
    books.finish(reaped, wallet, 0.75)
    books.settle()
    books.finish(waiting, wallet, 1, output=1)
    return {"wallet": wallet, "used": used, "reaped": reaped, "live": live}


def status(books, story):
    return books.one("SELECT status FROM wallet WHERE id = %s", story["wallet"])


def open_alarms():
    return sorted(Alarm.objects.filter(cleared_at=None).values_list("rule", "subject"))


def rules(violations):
    return {violation.rule for violation in violations}


@pytest.mark.parametrize("name", sorted(set(BREAKS) & OPEN_RULES))
def test_each_open_rule_is_found_within_the_minute(books, story, name):
    """The wallet concerned is frozen once; who opens it again is not overruled by the same finding."""
    assert books_watch() == []
    books.connection.execute(BREAKS[name], story)
    with capture_logs() as said:
        assert name in rules(books_watch())
    assert any(line["log_level"] == "error" and line["rule"] == name for line in said if line["event"] == "alarm")
    assert name in {rule for rule, _ in open_alarms()}
    if name != "hold_without_wallet":
        assert status(books, story) == "frozen"
        ledger.wallet_status_set(wallet_ids=[story["wallet"]], status="active")
        assert name in rules(books_watch())
        assert status(books, story) == "active"
    alarm = Alarm.objects.filter(rule=name).get()
    assert alarm.last_seen_at >= alarm.first_seen_at


@pytest.mark.parametrize("name", ["settlement_sum", "settlement_cost", "settlement_count"])
def test_new_settlements_are_looked_at_each_minute_old_ones_at_night(books, story, name):
    books.connection.execute(BREAKS[name], story)
    assert name in rules(books_watch())
    Alarm.objects.all().delete()
    # Long ago, and checked since: only the night looks at it again.
    LedgerCheck.objects.update(settlement_id=2**40)
    books.settle()
    LedgerCheck.objects.create(kind="minute", took_ms=1, violations=0, settlement_id=2**40, hour=timezone.now())
    assert name not in rules(books_watch())
    assert name in rules(books_audit())
    assert name in {rule for rule, _ in open_alarms()}


def test_an_hour_is_looked_at_once_it_is_over(books, story):
    books_watch()
    books.connection.execute(BREAKS["roll_up"], story)
    assert books_watch() == []
    LedgerCheck.objects.update(hour=timezone.now() - timedelta(hours=3))
    # The hour of the story, as if it were the last one.
    moved = "UPDATE usage_hourly SET hour = hour - interval '1 hour' WHERE wallet_id = %(wallet)s"
    books.connection.execute(moved, story)
    assert rules(books_watch()) == {"roll_up"}
    assert status(books, story) == "frozen"


@pytest.mark.parametrize("name", sorted(set(BREAKS) & PAST_RULES))
def test_the_night_finds_everything(books, story, name):
    books.connection.execute(BREAKS[name], story)
    assert name in rules(books_audit())
    assert LedgerCheck.objects.latest("checked_at").violations > 0


def test_an_alarm_is_cleared_when_it_is_well_again_and_the_wallet_stays_frozen(books, story):
    books.connection.execute(BREAKS["posted"], story)
    assert rules(books_watch()) == {"posted"}
    books.connection.execute("UPDATE wallet SET posted_nanos = posted_nanos + 1 WHERE id = %(wallet)s", story)
    assert books_watch() == []
    assert open_alarms() == []
    assert status(books, story) == "frozen"
    books.connection.execute(BREAKS["posted"], story)
    books_watch()
    assert Alarm.objects.count() == 2  # a new one, told anew


def test_what_is_gone_at_the_second_look_alarms_nobody(story, monkeypatch):
    answers = [[ledger.Violation("posted", "1", 5, story["wallet"])], []]
    monkeypatch.setattr("billing.ledger.ledger_check_open", lambda **_: answers.pop(0))
    assert books_watch() == []
    assert open_alarms() == []


def test_a_record_that_waits_long_is_an_alarm(books, story):
    books_watch()
    assert open_alarms() == []
    late = "UPDATE usage_record SET created_at = now() - interval '10 minutes' WHERE settlement_id IS NULL"
    books.connection.execute(late)
    books_watch()
    assert open_alarms() == [("settlement_lag", "all")]
    books.settle()
    books_watch()
    assert open_alarms() == []


def test_a_hold_that_nobody_reaps_is_an_alarm(books, story, monkeypatch):
    monkeypatch.setattr("billing.watches.ORPHANED_SECONDS_MAX", -1.0)  # The server may be a moment old.
    lease = books.lease(60)
    books.hold(story["wallet"], 1, lease=lease)
    books_watch()
    assert open_alarms() == []
    books.connection.execute("UPDATE gateway_lease SET leased_until = now() - interval '1 day' WHERE id = %s", [lease])
    books_watch()
    assert open_alarms() == [("reap_lag", "all")]
    books.sweep(grace="-1 day")
    books_watch()
    assert open_alarms() == []


@pytest.mark.parametrize(
    ("state", "hours", "alarms"), [("new", 2, 1), ("failed", 0, 1), ("failed", 99, 0), ("new", 0, 0)]
)
def test_a_notice_of_stripe_that_is_not_worked_off_is_an_alarm(db, state, hours, alarms):
    now = timezone.now()
    event = StripeEvent.objects.create(
        id="evt_1",
        type="charge.refunded",
        object_id="ch_1",
        created_at=now,
        received_at=now - timedelta(hours=hours),
        status=state,
    )
    books_watch()
    assert open_alarms() == [("stripe_notice", "all")] * alarms
    event.status = "done"
    event.save()
    books_watch()
    assert open_alarms() == []


def test_admins_are_mailed_once_for_each_alarm(settings):
    alarm_raise(rule="posted", subject="7", detail="off by 5", wallet_id=7)
    assert alarms_mail() == 0  # nobody to tell: it waits
    settings.ADMINS = ["ops@example.com"]
    alarm_raise(rule="write_off", subject="small", detail="2 of 10")
    assert alarms_mail() == 2
    assert not alarm_raise(rule="posted", subject="7", detail="off by 6", wallet_id=7)
    assert alarms_mail() == 0
    (message,) = mail.outbox
    assert message.to == ["ops@example.com"]
    assert message.subject == "[TokenOutput] 2 new alarms: posted"
    for words in (
        "posted: 7",
        "off by 5",
        "write_off: small",
        "frozen until a person opens them",
        "/admin/billing/alarm",
    ):
        assert words in message.body


# --- Closings -------------------------------------------------------------------------------------------------------


def yesterday():
    return datetime.now(UTC).date() - timedelta(days=1)


def backdate(books):
    """The transfers so far were made yesterday: only a superuser without triggers can say so."""
    books.connection.execute("ALTER TABLE transfer DISABLE TRIGGER transfer_append_only")
    books.connection.execute("UPDATE transfer SET created_at = created_at - interval '1 day'")
    books.connection.execute("ALTER TABLE transfer ENABLE TRIGGER transfer_append_only")


def test_a_closed_day_carries_the_balance_on(books, story):
    backdate(books)
    moved = ledger.day_close(day=yesterday())
    assert moved >= 4
    assert ledger.day_close(day=yesterday()) == 0
    closed = books.one(
        "SELECT c.balance_nanos FROM account_close c JOIN account a ON a.id = c.account_id"
        " WHERE a.kind = 'wallet' AND a.wallet_id = %s",
        story["wallet"],
    )
    assert closed == books.balance("wallet", story["wallet"]) * USD
    books.settle()
    ledger.wallet_credit(
        organization_id=books.one("SELECT organization_id FROM wallet WHERE id = %s", story["wallet"]),
        amount_nanos=USD,
        key="after",
        kind="goodwill",
        reason="",
    )
    assert books_watch() == []
    assert books_audit() == []
    open_balances = "SELECT * FROM account_balance_open() ORDER BY id"
    all_balances = (
        "SELECT id, kind, wallet_id, balance_nanos::bigint, granted_nanos::bigint FROM account_balance ORDER BY id"
    )
    rows = books.connection.execute(open_balances).fetchall()
    assert rows == books.connection.execute(all_balances).fetchall()


def test_a_day_that_is_not_over_cannot_be_closed_and_no_closing_is_edited(books, story):
    from django.db import DatabaseError, transaction  # noqa: PLC0415 -- beside what it refuses

    with pytest.raises(DatabaseError, match="is not over"), transaction.atomic():
        ledger.day_close(day=datetime.now(UTC).date())
    backdate(books)
    ledger.day_close(day=yesterday())
    for change in ("UPDATE account_close SET balance_nanos = 0", "DELETE FROM ledger_close"):
        with pytest.raises(psycopg.Error) as caught, transaction.atomic():
            books.connection.execute(change)
        assert caught.value.sqlstate == "LG003"


def test_a_wrong_closing_is_found(books, story):
    backdate(books)
    ledger.day_close(day=yesterday())
    books.connection.execute("ALTER TABLE account_close DISABLE TRIGGER USER")
    books.connection.execute(
        "UPDATE account_close c SET balance_nanos = balance_nanos + 1 FROM account a"
        " WHERE a.id = c.account_id AND a.kind = 'wallet' AND a.wallet_id = %(wallet)s",
        story,
    )
    assert rules(books_watch()) == {"posted", "accounts_sum_to_zero"}
    assert "closing" in rules(books_audit())


# --- The tasks ------------------------------------------------------------------------------------------------------


def test_the_night_is_done_once_a_day_whatever_fails_in_it(books, story, monkeypatch, time_machine_at_night):
    backdate(books)
    monkeypatch.setattr("billing.tasks.usage_retain", lambda **_: 1 / 0)
    with capture_logs() as said:
        tasks.books_night()
        tasks.books_night()
    assert [line["event"] for line in said].count("night_step_failed") == 1
    assert LedgerCheck.objects.filter(kind="night").count() == 1
    assert books.one("SELECT count(*) FROM ledger_close") == 1
    assert ProviderDay.objects.count() == 0
    assert books.purse(story["wallet"]) == Purse(22.25, held=2, granted=3.25)


@pytest.fixture
def time_machine_at_night(monkeypatch):
    """It is past the hour at which the night's work begins, whenever the tests run."""
    monkeypatch.setattr("billing.tasks.NIGHT_HOUR", 0)


def test_before_its_hour_the_night_waits(monkeypatch):
    monkeypatch.setattr("billing.tasks.NIGHT_HOUR", 24)
    tasks.books_night()
    assert not LedgerCheck.objects.exists()


def test_two_workers_check_one_after_the_other(database, django_db_blocker):
    """Beside another that is at it, a check does nothing."""
    with django_db_blocker.unblock(), psycopg.connect(**_parameters()) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [0x626F6F6B])
        before = LedgerCheck.objects.count()
        assert books_watch() == []
        assert LedgerCheck.objects.count() == before


def _parameters():
    known = connection.get_connection_params()
    return {name: known[name] for name in ("dbname", "user", "password", "host", "port") if name in known}
