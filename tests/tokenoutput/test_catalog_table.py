"""The catalog's table as a browser asks for it: sorted, searched, in part, and with a thousand models."""

import re
import time
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from catalog.models import Model, Price, Provider, Route
from tests.tokenoutput.pages import catalog_make, catalog_only
from tests.tokenoutput.test_pages import text_of

pytestmark = pytest.mark.django_db
MANY = 1000
SECONDS_MAX = 0.3


@pytest.fixture
def catalog():
    made = catalog_make()
    catalog_only("small", "wide", "gift")
    return made


def ids_of(response):
    return re.findall(r'<code id="model-[^"]+">([^<]+)</code>', response.content.decode())


def sort_links(response):
    """Where each name of a column leads, by column."""
    html = response.content.decode()
    return {column: url for url, column in re.findall(r'class="sort-link"\s+href="([^"]*)"\s+data-sort="(\w+)"', html)}


def test_every_number_shown_can_be_sorted_both_ways(client, catalog):
    page = client.get("/models?q=o")
    assert set(sort_links(page)) == {"id", "context", "max_output", "input", "output", "cached"}
    for column in sort_links(page):
        once = client.get("/models" + sort_links(page)[column].replace("&amp;", "&"))
        again = client.get("/models" + sort_links(once)[column].replace("&amp;", "&"))
        states = [re.findall(r'aria-sort="(\w+)"', answer.content.decode()) for answer in (once, again)]
        assert sorted(states) == [["ascending"], ["descending"]], column
        assert set(ids_of(once)) == {"small", "wide", "gift"}
    assert "aria-sort" not in page.content.decode()


def test_the_first_click_brings_the_lowest_price_and_the_longest_context(client, catalog):
    links = sort_links(client.get("/models"))
    assert ids_of(client.get("/models" + links["input"]))[0] == "gift"
    assert ids_of(client.get("/models" + links["context"]))[0] == "wide"


def test_sorting_keeps_the_filters(client, catalog):
    links = sort_links(client.get("/models?q=model&protocol=openai_chat"))
    assert ids_of(client.get("/models" + links["input"].replace("&amp;", "&"))) == ["small", "wide"]


def test_the_fragment_is_the_table_alone_and_the_same(client, catalog):
    page, fragment = client.get("/models?q=model&sort=-input"), client.get("/models?q=model&sort=-input&part=catalog")
    assert ids_of(fragment) == ids_of(page)
    assert fragment.content.decode().strip() in page.content.decode()
    assert "<html" not in fragment.content.decode()


def test_who_asks_again_for_the_same_table_gets_304(client, catalog):
    first = client.get("/models?part=catalog")
    again = {"If-None-Match": first["ETag"]}
    assert client.get("/models?part=catalog", headers=again).status_code == 304
    Model.objects.filter(public_id="small").update(description="Another description")
    assert client.get("/models?part=catalog", headers=again).status_code == 200


def test_the_count_is_said(client, catalog):
    assert "1 of 3 models" in text_of(client.get("/models?q=trying"))
    assert 'data-count="1 of 3 models"' in client.get("/models?q=trying&part=catalog").content.decode()


def test_where_nothing_matches_the_filter_to_drop_is_named(client, catalog):
    response = client.get("/models?q=long-context&max_price=0.05")
    assert response.status_code == 200
    assert "Without “Search” 1 model would" in text_of(response)
    assert ids_of(client.get("/models?max_price=0.05")) == ["gift"]
    assert "Clear filters" in text_of(client.get("/models?q=no-such-model&max_price=0.01&context=2000000000"))


def test_a_price_that_is_none_is_said_beside_its_field(client, catalog):
    response = client.get("/models?max_price=cheap")
    assert len(ids_of(response)) == 3
    assert "Not an amount in dollars, so it filters nothing" in text_of(response)


def test_what_is_asked_beyond_the_form_stays_when_it_is_sent(client, catalog):
    html = client.get("/models?min_price=0.05").content.decode()
    assert re.search(r'<input type="hidden" name="min_price" value="0.05"', html)


def test_a_price_change_is_news_for_a_day(client, catalog):
    assert "price changed" not in text_of(client.get("/models"))
    price = Price.objects.get(model_id=catalog["small"])
    price.pk, price.input_nanos, price.effective_from = None, 2 * 10**8, timezone.now()
    price.save()
    assert "small Copy small price changed just now" in text_of(client.get("/models"))
    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=False):
        assert "price changed 2 h ago" in text_of(client.get("/models"))
    with time_machine.travel(timezone.now() + timedelta(hours=25), tick=False):
        assert "price changed" not in text_of(client.get("/models"))


def test_what_came_lately_is_new_unless_everything_did(client, catalog):
    assert " new " not in text_of(client.get("/models", {"part": "catalog"}))
    Model.objects.exclude(public_id="gift").update(created_at=timezone.now() - timedelta(days=30))
    assert "gift Copy gift new" in text_of(client.get("/models"))


def test_a_thousand_models_are_one_quick_page(client, django_assert_num_queries):
    provider = Provider.objects.create(
        slug="many", name="M", base_url="https://m.example/v1", protocol="openai_chat", credential="k"
    )
    models = Model.objects.bulk_create(
        Model(
            public_id=f"house/model-{number}",
            description=f"Model number {number} of very many",
            context_tokens=128_000 + number,
            max_output_tokens=8_192,
            capabilities=["tools", "json", "cache"],
        )
        for number in range(MANY)
    )
    Route.objects.bulk_create(Route(model=model, provider=provider, upstream_model="u") for model in models)
    Price.objects.bulk_create(
        Price(
            model=model,
            input_nanos=10**8 + model.pk,
            output_nanos=4 * 10**8,
            cache_read_nanos=10**7,
            cache_write_5m_nanos=10**8,
            cache_write_1h_nanos=10**8,
        )
        for model in models
    )
    catalog_only(*(model.public_id for model in models))
    assert len(ids_of(client.get("/models"))) == MANY
    seconds = []
    for _ in range(5):
        with django_assert_num_queries(3):
            started = time.thread_time()  # Its own work: what else the machine does says nothing.
            client.get("/models?sort=-input")
            seconds.append(time.thread_time() - started)
    assert ids_of(client.get("/models?sort=-input"))[0] == f"house/model-{MANY - 1}"
    assert min(seconds) < SECONDS_MAX, seconds
