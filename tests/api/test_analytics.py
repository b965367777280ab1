"""Questions about usage: the same sums as everywhere, by what is asked, in OpenRouter's shape."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.api_keys import api_key_create
from billing.ledger import usage_settle
from tests.api.programs import error_of, program
from tests.api.test_usage import use
from tests.tokenoutput.pages import catalog_make, member, visitor
from tokenoutput.api.analytics_shapes import DIMENSIONS, METRICS

pytestmark = pytest.mark.django_db
TODAY = datetime.now(UTC).date().isoformat()


@pytest.fixture
def ada():
    return visitor()


@pytest.fixture
def asking(ada):
    return program(ada, "usage:read")


@pytest.fixture
def used(ada):
    """Three requests, the first one settled; by two keys and members, of two models."""
    ids, bo = catalog_make(), member(ada, role="developer")
    ours, members = ada.organization.id, (ada.organization.member_id, bo.organization.member_id)
    keys = [api_key_create(organization_id=ours, name="ci", member_id=one) for one in members]
    use(ada, keys[0], 0.5, model=ids["small"], member=members[0])
    usage_settle()
    use(ada, keys[0], 0.25, model=ids["wide"], member=members[0])
    use(ada, keys[1], 1, model=ids["small"], member=members[1])
    return keys


def ask(asking, *metrics, **more):
    answer = asking.post("analytics/query", {"metrics": metrics, **more})
    assert answer.status_code == 200, answer.content
    found = answer.json()["data"]
    assert found["metadata"]["row_count"] == len(found["data"])
    return found


def test_sums_by_two_dimensions_and_day_with_today(asking, used):
    found = ask(asking, "total_usage", "request_count", dimensions=["model", "api_key_id"], granularity="day")
    rows = {(row["model"], row["api_key_hash"]): row for row in found["data"]}
    assert {group: (row["total_usage"], row["total_usage_usd"]) for group, row in rows.items()} == {
        ("small", used[0].public_hash): (0.5, "0.500000000"),
        ("wide", used[0].public_hash): (0.25, "0.250000000"),
        ("small", used[1].public_hash): (1.0, "1.000000000"),
    }
    row = rows["wide", used[0].public_hash]
    assert (row["date__day"], row["partial"], row["api_key_id"], row["request_count"]) == (TODAY, True, "ci", "1")
    assert set(row) == {
        "date__day", "partial", "model", "api_key_id", "api_key_hash", "total_usage", "total_usage_usd",
        "request_count",
    }  # fmt: skip
    assert (found["metadata"]["truncated"], found["warnings"]) == (False, [])


def test_it_says_what_activity_says(ada, asking, used):
    by_activity = {row["user_email"]: row["usage_usd"] for row in program(ada).data("activity?group_by=member")}
    rows = ask(asking, *METRICS, dimensions=["user"])["data"]
    assert {row["user"]: row["total_usage_usd"] for row in rows} == by_activity
    assert {row["tokens_prompt"] for row in rows} == {"2000", "1000"}
    (alone,) = ask(asking, *METRICS)["data"]
    assert Decimal(alone["total_usage_usd"]) == sum(map(Decimal, by_activity.values()))
    assert (alone["request_count"], alone["tokens_total"], alone["cache_hit_rate"]) == ("3", "3150", 0.0)
    assert ask(program(visitor("eve")), "request_count")["data"] == [{"partial": True, "request_count": "0"}]


def test_filters_order_and_bounds(asking, used):
    def spent(**more):
        return [row["total_usage"] for row in ask(asking, "total_usage", dimensions=["model", "user"], **more)["data"]]

    def only(field, operator, value):
        return {"field": field, "operator": operator, "value": value}

    assert spent() == [1.0, 0.5, 0.25]
    assert spent(order_by={"field": "total_usage", "direction": "asc"}) == [0.25, 0.5, 1.0]
    assert spent(filters=[only("model", "eq", "small")]) == [1.0, 0.5]
    assert spent(filters=[only("model", "not_in", ["small", "none"])]) == [0.25]
    assert spent(filters=[only("api_key_id", "in", [used[0].public_hash]), only("model", "neq", "wide")]) == [0.5]
    assert spent(filters=[only("model", "eq", "small"), only("model", "eq", "wide")]) == []
    assert spent(limit=2) == [1.0, 0.5]
    assert ask(asking, "total_usage", dimensions=["model", "user"], limit=2)["metadata"]["truncated"] is True
    now = datetime.now(UTC)
    before = {"start": (now - timedelta(days=9)).isoformat(), "end": (now - timedelta(days=2)).isoformat()}
    assert spent(time_range={name: when.replace("+00:00", "Z") for name, when in before.items()}) == []
    hours = ask(asking, "request_count", granularity="hour", dimensions=["api_key_id"], group_limit=1)["data"]
    assert len(hours) == 2 and all(row["date__hour"].endswith(":00:00Z") for row in hours)
    found = ask(asking, "total_usage", filters=[only("api_key_id", "eq", "f" * 64), only("user", "in", [7, "a\x00"])])
    assert found["warnings"] == [f"api_key_id: nothing is called {'f' * 64}."]
    assert found["data"][0]["total_usage"] == 0


def test_it_costs_the_same_however_much_there_is(asking, used):
    filters = [{"field": "model", "operator": "in", "value": ["small"]}]
    ask(asking, "request_count")  # When a key was last used is noted once a while.
    queries = []
    for more in ({"limit": 1}, {"limit": 1000}):
        with CaptureQueriesContext(connection) as seen:
            ask(asking, *METRICS, dimensions=["model", "user"], filters=filters, **more)
        queries.append([query["sql"] for query in seen])
    assert len(queries[0]) == len(queries[1])
    # Roll-ups, and of single requests only those that are not in them yet.
    assert not [sql for sql in queries[1] if "FROM usage_record" in sql and "settlement_id IS NULL" not in sql]


@pytest.mark.parametrize(
    ("wrong", "field", "says"),
    [
        ({"metrics": ["spend"]}, "metrics.0", ", ".join(METRICS)),
        ({"metrics": []}, "metrics", ""),
        ({"dimensions": ["colour"]}, "dimensions.0", ", ".join(DIMENSIONS)),
        ({"dimensions": ["model", "user", "api_type"]}, "dimensions", ""),
        ({"granularity": "week"}, "granularity", "hour, day"),
        ({"filters": [{"field": "model", "operator": "gt", "value": "x"}]}, "filters.0.operator", "in, not_in"),
        ({"filters": [{"field": "model", "operator": "eq", "value": ["x", "y"]}]}, "filters.0.value", "not_in"),
        ({"limit": 10_001}, "limit", ""),
        ({"colour": 1}, "colour", "no such field"),
        ({"time_range": {"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"}}, "time_range", "before"),
        ({"time_range": {"start": "0001-01-01T00:00:00Z"}}, "time_range", "366 days"),
        (
            {"granularity": "hour", "time_range": {"start": "2026-01-01T00:00:00Z", "end": "2026-03-01T00:00:00Z"}},
            "time_range", "31 days",
        ),
    ],
)  # fmt: skip
def test_questions_that_cannot_be_say_what_can(asking, wrong, field, says):
    answer = asking.post("analytics/query", {"metrics": ["request_count"]} | wrong)
    assert answer.status_code == 422
    assert says in error_of(answer)["fields"][field][0]


def test_meta_names_all_that_a_question_may(asking):
    found = asking.data("analytics/meta")
    names = {kind: [one["name"] for one in listed] for kind, listed in found.items()}
    assert names["metrics"] == list(METRICS) and names["dimensions"] == list(DIMENSIONS)
    ask(asking, *names["metrics"], dimensions=names["dimensions"][:2], granularity=names["granularities"][0])
    assert found["metrics"][0] == {
        "name": "request_count", "display_label": "Requests", "is_rate": False, "display_format": "number",
    }  # fmt: skip
