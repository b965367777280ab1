"""Usage and requests in the reader's own time zone: labels, days and files say which; money keeps to UTC."""

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.services import api_key_create
from billing.selectors import usage_list, wallet_get
from billing.usage_series import bucket_starts, midnight
from tests.browser.ledger_rows import usage_make
from tests.tokenoutput.pages import catalog_make, visitor

TOKYO = "Asia/Tokyo"
KOLKATA = "Asia/Kolkata"


@pytest.fixture(scope="module")
def host(database):
    """Somebody with a few requests, none of them settled."""
    name = uuid4().hex[:12]
    made = visitor(name)
    models = catalog_make(suffix=f"-{name}")
    key = api_key_create(organization_id=made.organization.id, name="ci")
    wallet = wallet_get(organization_id=made.organization.id)
    usage_make(wallet_id=wallet.wallet_id, api_key_id=key.id, model_id=models[f"small-{name}"], rounds=2)
    return made


@pytest.fixture
def read_in(host):
    """Choose a zone, until the test's end."""

    def choose(zone):
        answer = host.client.post("/zone", {"zone": zone, "next": host.path("usage")})
        assert answer["Location"] == host.path("usage")
        return host

    yield choose
    choose("UTC")


def text_of(answer):
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def rows_of(host, page, **query):
    answer = host.client.get(host.path(page), query)
    return list(csv.DictReader(io.StringIO(b"".join(answer).decode())))


def test_days_are_as_long_as_the_clocks_make_them():
    with timezone.override("Europe/Berlin"):
        days = bucket_starts(midnight(date(2026, 3, 28)), midnight(date(2026, 3, 31)), "day")
    assert days == [datetime(2026, 3, day, hour, tzinfo=UTC) for day, hour in ((27, 23), (28, 23), (29, 22))]


def test_where_midnight_is_half_past_an_hour_hours_stay_whole():
    with timezone.override(KOLKATA):
        since = midnight(date(2026, 3, 28))
        hours = bucket_starts(since, since + timedelta(days=1), "hour")
    assert (since.hour, since.minute) == (18, 30)
    assert hours[0] == datetime(2026, 3, 27, 19, tzinfo=UTC)
    assert len(hours) == 24
    assert {hour.minute for hour in hours} == {0}


def test_pages_and_files_say_the_zone_and_show_its_time(read_in):
    host = read_in(TOKYO)
    row = usage_list(organization_id=host.organization.id, limit=1)[0]
    local = row.started_at.astimezone(ZoneInfo(TOKYO))
    page = text_of(host.client.get(host.path("requests")))
    assert "Time (Asia/Tokyo)" in page and "UTC)" not in page
    assert f"{local:%b %H:%M:%S}".split()[1] in page
    detail = text_of(host.client.get(host.path(f"requests/{row.id}")))
    assert "Began (Asia/Tokyo)" in detail and f"{local.day} {local:%b %Y %H:%M:%S}" in detail
    overview = text_of(host.client.get(host.path()))
    told = host.client.get(host.path("live")).json()["requests"][-1]["html"]
    for shown in (overview, told):
        assert "Time (Asia/Tokyo)" in shown and f"{local.day} {local:%b %H:%M:%S}" in shown
    assert "Days, in Asia/Tokyo; the last one is not over." in text_of(host.client.get(host.path("usage")))
    hours = text_of(host.client.get(host.path("usage"), {"range": "24h"}))
    assert "Hours, in Asia/Tokyo" in hours and "Begins (Asia/Tokyo)" in hours and "From (Asia/Tokyo)" in hours
    assert rows_of(host, "requests.csv")[0][f"started_at ({TOKYO})"] == local.isoformat()
    assert rows_of(host, "usage.csv")[0][f"day ({TOKYO})"].endswith("T00:00:00+09:00")


def test_a_day_of_the_zone_is_what_is_filtered_and_nothing_is_lost(read_in):
    host = read_in("UTC")
    paid = sum(Decimal(row["paid_usd"]) for row in rows_of(host, "usage.csv"))
    started = {row.started_at for row in usage_list(organization_id=host.organization.id, limit=200)}
    for zone in (TOKYO, KOLKATA, "Pacific/Kiritimati", "America/St_Johns", "Pacific/Pago_Pago"):
        read_in(zone)
        assert sum(Decimal(row["paid_usd"]) for row in rows_of(host, "usage.csv")) == paid, zone
        assert host.client.get(host.path("usage")).status_code == 200
        for day in {moment.astimezone(ZoneInfo(zone)).date() for moment in started}:
            rows = rows_of(host, "requests.csv", since=day, until=day)
            mine = {moment for moment in started if moment.astimezone(ZoneInfo(zone)).date() == day}
            assert {datetime.fromisoformat(row[f"started_at ({zone})"]) for row in rows} == mine
            hours = rows_of(host, "usage.csv", since=day, until=day)
            assert {datetime.fromisoformat(row[f"hour ({zone})"]).date() for row in hours} <= {day}


def test_money_keeps_to_utc(read_in):
    host = read_in(TOKYO)
    assert "Periods are in UTC" in text_of(host.client.get(host.path("billing")))
    assert "Asia/Tokyo" not in text_of(host.client.get(host.path("billing/ledger")))
    assert "Days, in UTC" in text_of(host.client.get(host.path()))


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "UTC", "", "<script>"])
def test_anything_else_is_utc(host, zone):
    host.client.post("/zone", {"zone": zone, "next": "/app/me"})
    assert "Time (UTC)" in text_of(host.client.get(host.path("requests")))
    host.client.cookies["zone"] = zone
    assert "Time (UTC)" in text_of(host.client.get(host.path("requests")))
    assert "started_at_utc" in rows_of(host, "requests.csv")[0]
    del host.client.cookies["zone"]


def test_without_a_script_it_is_chosen_on_ones_own_page(read_in):
    host = read_in("UTC")
    assert 'value="mine"' in host.client.get(host.path("usage")).content.decode()
    assert host.client.post("/zone", {"zone": "mine", "next": host.path("usage")})["Location"] == "/app/me#times"
    read_in("America/New_York")
    html = host.client.get("/app/me").content.decode()
    assert re.search(r'<option value="America/New_York"\s+selected>New York</option>', html)
    assert 'aria-pressed="true">America/New York</button>' in host.client.get(host.path("usage")).content.decode()


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("zone", [TOKYO, "America/New_York"])
def test_the_first_and_last_day_of_the_calendar_are_only_dates(read_in, zone, day):
    host = read_in(zone)
    for page in ("usage", "requests", "usage.csv", "requests.csv"):
        for query in ({"since": day}, {"until": day}, {"since": day, "until": day}):
            assert host.client.get(host.path(page), query).status_code == 200, (page, query)
