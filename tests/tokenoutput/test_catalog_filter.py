"""The catalog's one filter: what each name of the query string leaves, in which order, and that it never refuses."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.http import QueryDict

from catalog.selectors import CatalogRow
from tokenoutput.catalog_words import SORTS
from tokenoutput.forms import CatalogFilterForm

BORN = datetime(2026, 11, 1, tzinfo=UTC)
PLAIN = CatalogRow(
    public_id="plain",
    display_name="Plain",
    description="Says little",
    context_tokens=8_192,
    max_output_tokens=2_048,
    protocols=("openai_chat", "anthropic_messages"),
    free=False,
    input_usd="0.10",
    output_usd="0.40",
    cache_read_usd="0.01",
    cache_write_5m_usd="0.10",
    cache_write_1h_usd="0.10",
    long_context=None,
    capabilities=("tools",),
    created_at=BORN,
    price_changed_at=None,
    updated_at=BORN,
)
WIDE = replace(
    PLAIN,
    public_id="wide",
    description="Reads whole books",
    context_tokens=1_000_000,
    input_usd="9.00",
    output_usd="10.00",
    cache_read_usd="0.90",
    capabilities=("tools", "reasoning", "image"),
    created_at=BORN + timedelta(days=2),
)
GIFT = replace(
    PLAIN,
    public_id="Gift",
    protocols=("openai_chat",),
    free=True,
    input_usd="0.00",
    output_usd="0.00",
    cache_read_usd="0.00",
    capabilities=(),
    created_at=BORN + timedelta(days=1),
)
VECTORS = replace(
    PLAIN, public_id="vectors", protocols=(), input_usd="0.02", output_usd="0.00", capabilities=("embeddings",)
)
ROWS = [PLAIN, WIDE, GIFT, VECTORS]
EVERY = ["plain", "wide", "Gift", "vectors"]


def ids(query):
    return [row.public_id for row in CatalogFilterForm(QueryDict(query)).rows(ROWS)]


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("", EVERY),
        ("q=BOOKS+whole", ["wide"]),
        ("q=no-such-model", []),
        ("protocol=anthropic_messages", ["plain", "wide"]),
        ("protocol=anthropic-messages", ["plain", "wide"]),
        ("protocol=openai_chat", ["plain", "wide", "Gift"]),
        ("protocol=openai_responses", ["plain", "wide", "Gift"]),
        ("protocol=openai_embeddings", ["vectors"]),
        ("context=8192", EVERY),
        ("context=8193", ["wide"]),
        ("max_price=0.10", ["plain", "Gift", "vectors"]),
        ("min_price=0.10", ["plain", "wide"]),
        ("min_price=0.05&max_price=0.5", ["plain"]),
        ("max_output_price=0.40", ["plain", "Gift", "vectors"]),
        ("min_output_price=0.41", ["wide", "vectors"]),
        ("free=on", ["Gift"]),
        ("capability=tools", ["plain", "wide"]),
        ("capability=tools&capability=image", ["wide"]),
        ("supported_parameters=tools,temperature", ["plain", "wide"]),
        ("supported_parameters=reasoning_effort", ["wide"]),
        ("input_modalities=text,image", ["wide"]),
        ("q=says&sort=-input", ["plain", "vectors", "Gift"]),
    ],
)
def test_each_name_narrows(query, left):
    assert ids(query) == left


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("", EVERY),
        ("recommended", EVERY),
        ("id", ["Gift", "plain", "vectors", "wide"]),
        ("-id", ["wide", "vectors", "plain", "Gift"]),
        ("newest", ["wide", "Gift", "plain", "vectors"]),
        ("-context", ["wide", "plain", "Gift", "vectors"]),
        ("context-high-to-low", ["wide", "plain", "Gift", "vectors"]),
        ("context", ["plain", "Gift", "vectors", "wide"]),
        ("input", ["Gift", "vectors", "plain", "wide"]),
        ("pricing-low-to-high", ["Gift", "vectors", "plain", "wide"]),
        ("-input", ["wide", "plain", "vectors", "Gift"]),
    ],
)
def test_each_order(sort, order):
    assert ids(f"sort={sort}") == order


@pytest.mark.parametrize("name", ["max_output", "output", "cached"])
@pytest.mark.parametrize("sign", ["", "-"])
def test_what_has_no_such_number_is_last_in_both_directions(name, sign):
    assert ids(f"sort={sign}{name}")[-1] == "vectors"


@pytest.mark.parametrize(
    "query",
    [
        "q=%00",
        "q=" + "x" * 101,
        "protocol=nonsense",
        "context=lots",
        "context=-1",
        "context=99999999999999999999",
        "max_price=cheap",
        "max_price=-1",
        "min_price=NaN",
        "max_output_price=1e999",
        "capability=flying",
        "supported_parameters=temperature",
        "sort=nonsense",
        "offset=-1&limit=0",
        "unknown=1",
    ],
)
def test_a_value_that_means_nothing_filters_nothing(query):
    assert ids(query) == EVERY


def test_a_page_is_a_part_of_what_matches():
    page = CatalogFilterForm({"sort": "id", "offset": "1", "limit": "2"}).page(ROWS)
    assert ([row.public_id for row in page.rows], page.total_count, page.offset) == (["plain", "vectors"], 4, 1)
    whole = CatalogFilterForm({}).page(ROWS)
    assert (len(whole.rows), whole.limit) == (4, 1000)


def test_orders_only_reorder():
    seed = random.randrange(10**9)
    shuffled = random.Random(seed).sample(ROWS, len(ROWS))
    for sort, _label in SORTS:
        rows = CatalogFilterForm({"sort": sort}).rows(shuffled)
        assert sorted(row.public_id for row in rows) == sorted(EVERY), f"seed {seed}, sort {sort}"
