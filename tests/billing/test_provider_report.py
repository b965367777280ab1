"""The report by provider and day: tokens in buckets, cost, what was estimated, missing or written off; its alarms."""

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from billing import ledger
from billing.alarm_models import Alarm, ProviderDay
from billing.provider_report import provider_days_alarm, provider_days_list, provider_days_make
from catalog.models import Route
from tests.billing.test_admin import DjangoBooks
from tests.tokenoutput.pages import catalog_make, visitor

pytestmark = pytest.mark.django_db
USD = 1_000_000_000


@pytest.fixture
def day():
    return datetime.now(UTC).date()


@pytest.fixture
def story():
    """Four requests of one model through one provider: as reported, estimated, without usage, above the hold."""
    host, models = visitor(), catalog_make()
    wallet = ledger.wallet_open(organization_id=host.organization.id)
    books = DjangoBooks()
    route = Route.objects.filter(model_id=models["small"]).first()
    assert route

    def request(held, charge, **more):
        made = books.hold(wallet, held)
        books.finish(made, wallet, charge, **more)
        books.one("UPDATE usage_record SET model_id = %s, route_id = %s WHERE id = %s RETURNING 1",
                  models["small"], route.id, made)  # fmt: skip

    request(1, 0.5, input=100, output=20, cache_read=7, cost=0.25)
    request(1, 0.5, input=10, source="estimated", cost=0.1)
    request(1, 0, source="none")
    request(1, 0, outcome="void", source="none")
    request(1, 9, input=1, cost=0.05)
    return host


def test_one_line_for_each_provider_model_and_day(story, day):
    assert provider_days_make(day=day) == 1
    assert provider_days_make(day=day) == 1  # again is fine
    (line,) = provider_days_list(first=day, last=day)
    assert (line.provider, line.model, line.requests) == ("house", "small", 5)
    assert (line.input_tokens, line.output_tokens, line.cache_read_tokens) == (111, 20, 7)
    assert (line.cost_nanos, line.charge_nanos) == (0.4 * USD, 10 * USD)
    assert (line.estimated, line.missing) == (1, 1)
    assert (line.write_offs, line.write_off_nanos) == (1, 5 * USD)
    assert provider_days_list(first=day - timedelta(days=9), last=day - timedelta(days=1)) == []


def test_operators_read_it_as_csv(story, day, capsys):
    call_command("usage_report", "--day", str(day), "--days", "2")
    (row,) = csv.DictReader(StringIO(capsys.readouterr().out))
    assert (row["provider"], row["model"], row["requests"]) == ("house", "small", "5")
    assert (row["cost_usd"], row["charge_usd"], row["write_off_usd"]) == ("0.40", "10.00", "5.00")
    call_command("usage_report")  # yesterday: nothing but the names of the columns
    assert capsys.readouterr().out.count("\n") == 1
    with pytest.raises(CommandError, match="from 1 to 366"):
        call_command("usage_report", "--days", "0")


def test_a_name_is_no_formula(story, day, capsys):
    provider_days_make(day=day)
    ProviderDay.objects.update(model="=HYPERLINK(1)")
    call_command("usage_report", "--day", str(day))
    assert "'=HYPERLINK(1)" in capsys.readouterr().out


def test_staff_read_it_in_the_admin_and_take_it_as_csv(story, day, client):
    from django.contrib.auth import get_user_model  # noqa: PLC0415 -- as staff, here alone

    provider_days_make(day=day)
    get_user_model().objects.filter(pk=story.user.pk).update(is_staff=True, is_superuser=True)
    page = story.client.get("/admin/billing/providerday/").content.decode()
    assert "house" in page
    assert "0.40" in page
    data = {"action": "as_csv", "_selected_action": [ProviderDay.objects.get().pk]}
    answer = story.client.post("/admin/billing/providerday/", data)
    assert answer["Content-Type"] == "text/csv"
    assert "house,small,5" in answer.content.decode()


@pytest.mark.parametrize(
    ("write_offs", "requests", "alarmed"), [(1, 10_000, False), (2, 10_000, True), (0, 5, False), (1, 5, True)]
)
def test_more_than_one_write_off_in_ten_thousand_is_an_alarm(story, day, write_offs, requests, alarmed):
    provider_days_make(day=day)
    ProviderDay.objects.update(write_offs=write_offs, requests=requests, day=day - timedelta(days=6))
    provider_days_alarm(day=day)
    assert Alarm.objects.filter(rule="write_off", subject="small", cleared_at=None).exists() is alarmed
    ProviderDay.objects.update(day=day - timedelta(days=7))
    provider_days_alarm(day=day)
    assert not Alarm.objects.filter(cleared_at=None).exists()


@pytest.mark.parametrize(("estimated", "requests", "alarmed"), [(9, 10, False), (10, 1_000, False), (11, 1_000, True)])
def test_a_provider_that_says_no_usage_is_an_alarm(story, day, estimated, requests, alarmed):
    provider_days_make(day=day)
    ProviderDay.objects.update(estimated=estimated, missing=0, requests=requests, write_offs=0)
    provider_days_alarm(day=day)
    assert Alarm.objects.filter(rule="usage_missing", subject="house").exists() is alarmed
