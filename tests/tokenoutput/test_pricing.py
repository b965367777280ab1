"""What it costs: exact estimates, the comparison with the platform's own numbers, and advice without scripts."""

import random
import re
from decimal import ROUND_CEILING, Decimal
from zlib import crc32

import pytest
from django.http import QueryDict

from catalog.selectors import catalog_list
from tests.tokenoutput.pages import catalog_make, catalog_only
from tests.tokenoutput.test_pages import text_of
from tokenoutput.pricing_forms import WhichForm
from tokenoutput.worked_example import Work, work_estimate

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalog():
    catalog_make()
    catalog_only("small", "wide", "gift")
    return {row.public_id: row for row in catalog_list()}


def test_the_sum_is_the_one_that_would_be_charged(client, catalog):
    # 600 fresh at 0.10, 600 cached at 0.01, 350 output at 0.40 are 206 millionths; a thousand a day, 22 days.
    text = text_of(client.get("/pricing?model=small&cached=50&balance=20"))
    assert "One request $0.000206 A day $0.206 A month $4.53" in text
    assert "$20.00 lasts 97 days of work" in text


def test_the_long_context_price_counts(client, catalog):
    text = text_of(client.get("/pricing?model=wide&input=300000&output=0&requests=1&days=1"))
    assert "One request $0.06 A day $0.06 A month $0.06" in text


def test_estimates_agree_with_decimals(catalog):
    seed = random.randrange(10**9)
    dice = random.Random(seed)
    row = catalog["small"]
    for _ in range(200):
        work = Work(
            requests=dice.randint(1, 10**6),
            input_tokens=dice.randint(0, 10**6),
            output_tokens=dice.randint(0, 10**5),
            cached_percent=dice.randint(0, 100),
            days=dice.randint(1, 31),
        )
        cached = work.input_tokens * work.cached_percent // 100
        dollars = (
            (work.input_tokens - cached) * Decimal(row.input_usd)
            + cached * Decimal(row.cache_read_usd)
            + work.output_tokens * Decimal(row.output_usd)
        ) / 10**6
        request = int((dollars * 10**9).to_integral_value(ROUND_CEILING))
        found = work_estimate(row, work, balance_nanos=10**12)
        assert found.month_nanos == request * work.requests * work.days, f"seed {seed}, {work}"


def test_what_costs_nothing_lasts_for_ever(client, catalog):
    text = text_of(client.get("/pricing?model=gift"))
    assert "A month $0.00" in text
    assert "This model is free" in text


@pytest.mark.parametrize("query", ["requests=many", "cached=101", "days=0", "input=-1", "balance=lots", "output=1e9"])
def test_a_number_that_is_none_is_said_beside_its_field(client, catalog, query):
    response = client.get(f"/pricing?{query}")
    assert response.status_code == 200
    assert "Correct the marked numbers" in text_of(response)
    assert 'aria-invalid="true"' in response.content.decode()


def test_an_unknown_model_is_the_first(client, catalog):
    assert re.search(r'value="small" selected', client.get("/pricing?model=%3Cscript%3E").content.decode())


@pytest.mark.parametrize(
    ("query", "starter", "suggestion"),
    [
        ("", True, ""),
        ("use=try", True, "starter"),
        ("use=try", False, "payg"),
        ("use=run&empty=stop&pay=card", True, "payg"),
        ("use=run&empty=refill", True, "auto"),
        ("use=try&empty=refill&pay=invoice", True, "invoice"),
        ("use=nonsense", True, ""),
    ],
)
def test_three_answers_suggest_a_way_to_buy(query, starter, suggestion):
    assert WhichForm(QueryDict(query)).suggestion(starter=starter) == suggestion


def test_the_suggested_column_is_marked_in_words(client, catalog):
    assert "fits your answers" not in text_of(client.get("/pricing"))
    assert "Automatic top-up fits your answers" in text_of(client.get("/pricing?empty=refill"))


def test_the_comparison_has_the_platforms_own_numbers(client, catalog, settings):
    settings.STARTER_CREDIT_USD = "7.50"
    settings.GATEWAY = settings.GATEWAY | {"key_requests_per_minute": 1234}
    text = text_of(client.get("/pricing"))
    assert "$7.50 for a new account" in text
    assert "$5.00 to $10,000.00 a payment" in text
    assert "1,234 requests a minute a key" in text
    settings.STARTER_CREDIT_USD = "0"
    assert "Starter credit" not in re.sub(r"Starter credit is not paid out", "", text_of(client.get("/pricing")))


def test_the_rules_say_when_they_were_last_changed(client, catalog):
    """Who changes their words changes the day as well, and then the number here."""
    page = client.get("/pricing").content.decode()
    rules, _, last = page.partition('<h2 id="fees">')[2].partition('<p class="small quiet">')
    words = " ".join(re.findall(r"\w+", re.sub(r"<[^>]+>", " ", rules)))
    assert (crc32(words.encode()), re.findall(r'datetime="([\d-]+)"', last)[0]) == (196221778, "2026-11-29")


def test_the_markdown_twin_has_every_price(client, catalog):
    response = client.get("/pricing.md")
    assert response["Content-Type"] == "text/markdown; charset=utf-8"
    text = response.content.decode()
    assert "| $0.10 | $0.40 | $0.01 | $0.125 | $0.20 |" in text
    assert "wide, above 256000 input tokens | $0.20" in text
    assert "&" not in text
