"""Usage through the API: activity by day and hour, the log of requests, one request with its price."""

import csv
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.api_keys import api_key_create
from billing import ledger
from billing.selectors import usage_list
from catalog.models import Price
from tests.api.programs import Program, error_of, program
from tests.billing.test_admin import DjangoBooks
from tests.tokenoutput.pages import catalog_make, member, visitor

pytestmark = pytest.mark.django_db
OPENROUTER_ACTIVITY = {
    "date", "model", "model_permaslug", "endpoint_id", "provider_name", "usage", "byok_usage_inference", "requests",
    "prompt_tokens", "completion_tokens", "reasoning_tokens",
}  # fmt: skip
OPENROUTER_GENERATION = {
    "id", "total_cost", "created_at", "model", "usage", "is_byok", "cancelled", "latency", "generation_time",
    "tokens_prompt", "tokens_completion", "native_tokens_prompt", "native_tokens_completion",
    "native_tokens_reasoning", "native_tokens_cached",
}  # fmt: skip


@pytest.fixture
def ada():
    return visitor()


@pytest.fixture
def asking(ada):
    return program(ada)


@pytest.fixture
def key(ada):
    return api_key_create(organization_id=ada.organization.id, name="=ci", member_id=ada.organization.member_id)


def use(host, key, usd=0.5, model=None, **options):
    """One finished request; its id."""
    books, wallet = DjangoBooks(), ledger.wallet_open(organization_id=host.organization.id)
    model = model or catalog_make()["small"]
    price = Price.objects.get(model_id=model).id
    request = books.hold(wallet, usd, key=key.id, model=model, price=price, **options)
    books.finish(request, wallet, usd, input=1000, output=50)
    return request


def test_activity_has_today_which_is_not_over(ada, asking, key):
    use(ada, key)
    (row,) = asking.data("activity")
    assert set(row) >= OPENROUTER_ACTIVITY
    assert (row["date"], row["model"], row["requests"]) == (datetime.now(UTC).date().isoformat(), "small", 1)
    assert (row["prompt_tokens"], row["completion_tokens"], row["usage_usd"]) == (1000, 50, "0.500000000")
    assert (row["partial"], row["hour"]) == (True, None)
    (hour,) = asking.data("activity?granularity=hour&group_by=key")
    assert (hour["api_key_name"], hour["api_key_hash"], hour["model"]) == ("=ci", key.public_hash, "")
    assert hour["hour"].endswith(":00:00Z")
    assert asking.data(f"activity?date={datetime.now(UTC).date() - timedelta(days=1)}") == []
    assert asking.data("activity?group_by=protocol")[0]["api_type"]


def test_activity_of_one_key_or_member(ada, asking, key):
    bo = member(ada, role="developer")
    other = api_key_create(organization_id=ada.organization.id, name="bo's", member_id=bo.organization.member_id)
    use(ada, key, 0.5, member=ada.organization.member_id)
    use(ada, other, 0.25, member=bo.organization.member_id)
    assert [row["usage"] for row in asking.data(f"activity?api_key_hash={other.public_hash}")] == [0.25]
    assert [row["usage"] for row in asking.data(f"activity?user_id={ada.organization.member_id}")] == [0.5]
    by_member = {row["user_email"]: row["usage"] for row in asking.data("activity?group_by=member")}
    assert by_member == {"ada@example.com": 0.5, "bo@example.com": 0.25}
    foreign = program(visitor("eve"))
    assert foreign.data("activity") == []
    assert foreign.get(f"activity?api_key_hash={other.public_hash}").status_code == 404


@pytest.mark.parametrize(
    "query",
    ["date=29.11.2026", "granularity=minute", "group_by=colour", "tz=Europe/Berlin", "user_id=x", "date=0000-00-00"],
)
def test_activity_that_cannot_be(asking, query):
    answer = asking.get(f"activity?{query}")
    assert answer.status_code == 400
    assert list(error_of(answer)["fields"]) == [query.partition("=")[0]]


@pytest.mark.parametrize("date", ["9999-12-31", "0001-01-01"])
def test_the_ends_of_time(asking, date):
    assert asking.data(f"activity?date={date}") == []


def test_tables_as_csv_without_formulas(ada, asking, key):
    use(ada, key)
    for path in ("generations", "activity?group_by=key"):
        answer = asking.get(path, Accept="text/csv")
        assert answer["Content-Type"].startswith("text/csv")
        assert answer["Cache-Control"] == "no-store"
        (row,) = csv.DictReader(answer.getvalue().decode().splitlines())
        assert row["api_key_name"] == "'=ci"
        assert Decimal(row.get("total_cost_usd") or row["usage_usd"]) == Decimal("0.5")


def test_the_log_is_read_from_page_to_page(ada, asking, key, settings):
    settings.SITE_URL = "https://api.example.test"
    made = [str(use(ada, key, 0.01)) for _ in range(5)]
    seen, link = [], "/api/v1/generations?limit=2"
    while link:
        answer = asking.get(link.removeprefix("https://api.example.test").removeprefix("/api/v1/")).json()
        assert all(set(row) >= OPENROUTER_GENERATION for row in answer["data"])
        seen += [row["id"] for row in answer["data"]]
        link = answer["links"]["next"]
    assert seen == made[::-1]


def test_the_log_by_filter(ada, asking, key):
    ids = catalog_make()
    use(ada, key, model=ids["small"])
    use(ada, key, model=ids["wide"])
    soon, before = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) - timedelta(hours=1)
    counts = {
        "model=small": 1, "model=none": 0, f"key={key.public_hash}": 2, "key=none": 0, "status=completed": 2,
        "status=client_gone": 0, "protocol=openai_embeddings": 0, f"from={before:%Y-%m-%dT%H:%M:%SZ}": 2,
        f"from={soon:%Y-%m-%dT%H:%M:%SZ}": 0, f"to={before:%Y-%m-%dT%H:%M:%SZ}": 0,
    }  # fmt: skip
    assert {query: len(asking.data(f"generations?{query}")) for query in counts} == counts
    for query in ("from=2026-11-29", "to=2026-11-29T00:00:00%2B02:00", "status=lost", "cursor=x", "limit=101"):
        answer = asking.get(f"generations?{query}")
        assert (answer.status_code, list(error_of(answer)["fields"])) == (400, [query.partition("=")[0]])
    assert program(visitor("eve")).data("generations") == []


def test_one_request_with_its_price(ada, asking, key):
    use(ada, key, 0.00012)  # 1,000 tokens in at $0.10 and 50 out at $0.40 for a million
    (row,) = usage_list(organization_id=ada.organization.id)
    found = asking.data(f"generation?id={row.id}")
    assert set(found) >= OPENROUTER_GENERATION
    assert (found["id"], found["total_cost_usd"]) == (str(row.id), "0.000120000")
    assert [(line["kind"], line["tokens"], line["usd_per_million"]) for line in found["price_lines"]] == [
        ("input", 1000, "0.100000000"),
        ("output", 50, "0.400000000"),
    ]
    total = sum(Decimal(line["amount_usd"]) for line in found["price_lines"]) + Decimal(found["rounding_usd"])
    assert total == Decimal(found["total_cost_usd"])


def test_an_api_key_sees_its_own_requests_and_no_others(ada, asking, key):
    other = api_key_create(organization_id=ada.organization.id, name="other")
    mine, theirs = use(ada, key), use(ada, other)
    infers = Program(key.secret)
    assert infers.data(f"generation?id={mine}")["api_key_name"] == "=ci"
    assert infers.get(f"generation?id={theirs}").status_code == 404
    assert asking.data(f"generation?id={theirs}")["api_key_name"] == "other"
    assert infers.get("generations").status_code == 401
    assert program(visitor("eve")).get(f"generation?id={mine}").status_code == 404
    for wrong in ("", "id=x"):
        assert asking.get(f"generation?{wrong}").status_code == 400
