"""Requests and usage by pages: found by filter, priced line by line, added up the same everywhere."""

import csv
import io
import re
from decimal import Decimal
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import given, strategies as st

from accounts.services import api_key_create
from billing.budgets import budgets_set
from billing.charts import HEIGHT, axis_values, chart_stacked
from billing.ledger import usage_settle
from billing.request_forms import UsageForm
from billing.selectors import spend_since, usage_list, wallet_get
from billing.usage_series import OTHERS, Largest, usage_series, usage_series_largest
from catalog.price_lines import usage_priced
from catalog.pricing import Pricing, Rates, Usage, charge_nanos
from catalog.templatetags.money import usd
from tests.browser.ledger_rows import REQUESTS, usage_make
from tests.tokenoutput.pages import catalog_make, visitor

USD = 1_000_000_000
ROUNDS = 14


@pytest.fixture(scope="module")
def host(database):
    """Somebody with two keys of a strange name, whose requests are partly settled."""
    name = uuid4().hex[:12]
    made = visitor(name)
    models = catalog_make(suffix=f"-{name}")
    wallet = wallet_get(organization_id=made.organization.id)
    for key_name, model, rounds in (("ci", "small", ROUNDS), ("=cmd|x", "wide", 1)):
        key = api_key_create(organization_id=made.organization.id, name=key_name)
        model_id = models[f"{model}-{name}"]
        usage_make(wallet_id=wallet.wallet_id, api_key_id=key.id, model_id=model_id, rounds=rounds)
        usage_settle()
    return made


def rows_of(host, page, **query):
    """The lines of a CSV, by column."""
    answer = host.client.get(host.path(page), query)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(b"".join(answer).decode())))


def text_of(answer):
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


@pytest.mark.parametrize(
    ("before", "status"), [("nonsense", 404), ("", 200), ("018f0000-0000-7000-8000-000000000000", 200)]
)
def test_a_cursor_is_an_id_or_nothing(host, before, status):
    assert host.client.get(host.path("requests"), {"before": before}).status_code == status


def test_requests_are_read_page_by_page_each_once(host):
    seen, query = [], ""
    while True:
        html = host.client.get(host.path("requests") + query).content.decode()
        seen += re.findall(r'<data value="([\d.]+)"', html)
        older = re.search(r'href="(\?before=[^"]+)"', html)
        if not older:
            break
        query = older[1]
    rows = usage_list(organization_id=host.organization.id, limit=100)
    assert len(rows) == len(seen) == (ROUNDS + 1) * len(REQUESTS)
    assert sorted(round(float(value) * USD) for value in seen) == sorted(row.charge_nanos for row in rows)
    for words in ("ci", "Client hung up", "Provider error", "96,000"):
        assert words in html, words
    assert "Latest requests" in host.client.get(host.path()).content.decode()


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, (ROUNDS + 1) * len(REQUESTS)),
        ({"key": "ci"}, ROUNDS * len(REQUESTS)),
        ({"key": "=cmd|x"}, len(REQUESTS)),
        ({"key": "nobody"}, 0),
        ({"model": "no-such-model"}, 0),
        ({"outcome": "client_gone"}, ROUNDS + 1),
        ({"outcome": "no-such-outcome"}, (ROUNDS + 1) * len(REQUESTS)),
        ({"protocol": "anthropic_messages", "key": "ci"}, ROUNDS),
        ({"since": "2020-01-01", "until": "2020-12-31"}, 0),
        ({"since": "2020-01-01"}, (ROUNDS + 1) * len(REQUESTS)),
        ({"since": "not a day", "until": "9999-12-31"}, (ROUNDS + 1) * len(REQUESTS)),
    ],
)
def test_filters_narrow_list_and_csv_alike(host, query, count):
    assert len(rows_of(host, "requests.csv", **query)) == count
    answer = host.client.get(host.path("requests"), query)
    assert ("No request matches" in text_of(answer)) == (count == 0)


def test_no_cell_is_a_formula(host):
    keys = {row["api_key"] for row in rows_of(host, "requests.csv")}
    assert keys == {"ci", "'=cmd|x"}
    assert {row["key"] for row in rows_of(host, "usage.csv", group="key")} == keys


def test_an_id_leads_to_its_request_and_a_foreign_one_to_nothing(host, db):
    row = usage_list(organization_id=host.organization.id, limit=1)[0]
    answer = host.client.get(host.path("requests"), {"id": str(row.id)})
    assert answer["Location"].endswith(f"/requests/{row.id}")
    assert "No request matches" in text_of(host.client.get(host.path("requests"), {"id": str(uuid4())}))
    stranger = visitor("stranger")
    assert stranger.client.get(stranger.path(f"requests/{row.id}")).status_code == 404
    for unknown in (uuid4(), "ffffffff-ffff-ffff-ffff-ffffffffffff", "00000000-0000-0000-0000-000000000000"):
        assert host.client.get(host.path(f"requests/{unknown}")).status_code == 404


def test_each_request_says_what_it_cost_and_why(host):
    rows = usage_list(organization_id=host.organization.id, limit=len(REQUESTS))
    texts = {row.outcome: text_of(host.client.get(host.path(f"requests/{row.id}"))) for row in rows}
    assert "Your client hung up" in texts["client_gone"]
    assert "The provider failed" in texts["upstream_error"]
    for row in rows:
        text = text_of(host.client.get(host.path(f"requests/{row.id}")))
        assert str(row.id) in text
        assert "180 ms" in text
        assert "Price version 1" in text or "You paid" in text


def test_usage_adds_up_to_what_the_wallet_paid_however_it_is_cut(host):
    since = usage_list(organization_id=host.organization.id, limit=1)[0].started_at.replace(hour=0, minute=0)
    paid = spend_since(organization_id=host.organization.id, since=since)
    for group in ("model", "key", "member", "protocol"):
        for length in ("24h", "7d", "30d", "90d"):
            rows = rows_of(host, "usage.csv", group=group, range=length)
            assert sum(Decimal(row["paid_usd"]) for row in rows) * USD == paid, (group, length)
            assert sum(int(row["requests"]) for row in rows) == (ROUNDS + 1) * len(REQUESTS)


@pytest.mark.parametrize("metric", ["spend", "tokens", "requests", "nonsense"])
@pytest.mark.parametrize(
    "query", [{}, {"range": "24h"}, {"since": "2026-01-01"}, {"until": "1066-10-14"}, {"range": "x"}]
)
def test_the_chart_is_drawn_for_any_question(host, metric, query):
    answer = host.client.get(host.path("usage"), query | {"metric": metric, "group": "key"})
    assert answer.status_code == 200
    assert 'role="img"' in answer.content.decode() or "Nothing in this time" in text_of(answer)


def test_pages_ask_the_same_number_of_questions_however_many_rows(host, django_assert_max_num_queries):
    row = usage_list(organization_id=host.organization.id, limit=1)[0]
    for page, most in (("requests", 12), ("usage", 9), (f"requests/{row.id}", 13), ("requests.csv", 12)):
        with django_assert_max_num_queries(most):
            answer = host.client.get(host.path(page))
            assert b"".join(answer)


tokens = st.integers(0, 2_000_000)
rates = st.builds(Rates, *[st.integers(0, 10**12)] * 5)


@given(st.builds(Usage, *[tokens] * 5), rates, st.none() | st.tuples(st.integers(0, 10**6), rates))
def test_the_lines_add_up_to_the_charge_exactly(usage, base, long):
    pricing = Pricing(base, *(long or ()))
    priced = usage_priced(usage, pricing)
    assert priced.charge_nanos == charge_nanos(usage, pricing)
    whole = sum((line.amount_usd for line in priced.lines), priced.rounding_usd)
    assert whole * USD == priced.charge_nanos
    assert 0 <= priced.rounding_usd * USD < 1


@given(st.dictionaries(st.text(max_size=3), st.lists(st.integers(0, 10**15), min_size=5, max_size=5), max_size=12))
def test_no_bar_leaves_the_drawing_and_nothing_is_left_out(values):
    chart = chart_stacked(buckets=list("abcde"), values=values, others="others")
    assert len(chart.series) <= 9
    assert sum(series.total for series in chart.series) == sum(map(sum, values.values()))
    for bar in chart.bars:
        x, width = float(bar.x.removesuffix("%")), float(bar.width.removesuffix("%"))
        assert x >= 0
        assert x + width <= 100.01
        assert float(bar.y) >= -0.01
        assert float(bar.y) + float(bar.height) <= HEIGHT + 0.02


@pytest.mark.parametrize("greatest", [0, 1, 3, 4, 5, 7, 10, 11, 99, 100, 101, 46_248_000, 10**12 + 1])
def test_an_axis_has_few_round_values_that_hold_the_greatest(greatest):
    values = axis_values(greatest)
    steps = {after - before for before, after in pairwise(values)}
    assert values[0] == 0
    assert values[-1] >= max(greatest, 1)
    assert 2 <= len(values) <= 5
    assert len(steps) == 1
    assert re.fullmatch(r"[125]0*", str(steps.pop()))


def test_groups_that_are_too_small_are_one_and_nothing_is_lost(host):
    window = UsageForm({"range": "30d"}).window()
    asked = {"organization_id": host.organization.id, "since": window.since, "until": window.until}
    every = usage_series(**asked, bucket="day", group_by="key")
    for metric in ("spend", "tokens", "requests"):
        most = usage_series_largest(**asked, bucket="day", group_by="key", largest=Largest(1, metric))
        assert {cell.group for cell in most} == {min(cell.group for cell in every), OTHERS}
        for name in ("requests", "tokens", "spend_nanos"):
            assert sum(getattr(cell, name) for cell in most) == sum(getattr(cell, name) for cell in every)
    whole = usage_series_largest(**asked, bucket="day", group_by="key", largest=Largest(2, "spend"))
    assert whole == every


def test_the_overview_says_where_it_went_how_long_it_lasts_and_what_ends_soon(host, django_assert_max_num_queries):
    budgets_set(organization_id=host.organization.id, amounts_nanos={"monthly": 50_000_000})
    with django_assert_max_num_queries(26):
        text = text_of(host.client.get(host.path()))
    paid = usd(sum(row.charge_nanos for row in usage_list(organization_id=host.organization.id, limit=200)))
    assert "Spend of 30 days, by model" in text
    assert re.search(r"Lasts about \d+ days at the rate of the last 24 hours", text)
    assert f"The organisation&#x27;s budget {paid} of $0.05 (91 %)" in text.replace("'", "&#x27;")
    assert "Models that cost most" in text
    assert "ci" in text.split("API keys that cost most")[1]
