"""API keys through the API: OpenRouter's shape, limits, rotation, once and only once."""

import pytest
from django.db import connection

from accounts.models import ApiKey, AuditEntry, Membership
from billing import ledger
from billing.limits import limit_set, limits_list
from tests.api.programs import error_of, program
from tests.billing.test_admin import DjangoBooks
from tests.tokenoutput.pages import member, visitor
from tokenoutput.models import OnceAnswer

pytestmark = pytest.mark.django_db
USD = 10**9
# What OpenRouter's clients read of a key.
OPENROUTER = {
    "hash", "name", "label", "disabled", "limit", "limit_remaining", "limit_reset", "include_byok_in_limit", "usage",
    "usage_daily", "usage_weekly", "usage_monthly", "byok_usage", "byok_usage_daily", "byok_usage_weekly",
    "byok_usage_monthly", "created_at", "updated_at", "expires_at", "creator_user_id", "workspace_id",
}  # fmt: skip


@pytest.fixture
def ada():
    return visitor()


@pytest.fixture
def asking(ada):
    return program(ada)


def make(asking, **body):
    answer = asking.post("keys", {"name": "ci-bot"} | body)
    assert answer.status_code == 201, answer.content
    return answer.json()


def limits_of(host):
    limits = limits_list(organization_id=host.organization.id)
    return sorted((limit.period, limit.amount_nanos // USD) for limit in limits)


def test_a_key_is_made_with_everything_and_shown_without_its_secret(ada, asking):
    body = {
        "name": "ci-bot", "limit": 20, "limit_reset": "monthly", "expires_at": "2099-01-01T00:00:00Z",
        "allowed_ips": ["203.0.113.7"], "rate_limit_rpm": 60, "include_byok_in_limit": True, "workspace_id": "x",
    }  # fmt: skip
    answer = asking.post("keys", body)
    assert answer.status_code == 201, answer.content
    assert answer["Cache-Control"] == "no-store"
    made = answer.json()
    assert made["key"].startswith("sk-")
    data = made["data"]
    assert set(data) >= OPENROUTER
    assert (data["limit"], data["limit_usd"], data["limit_reset"]) == (20.0, "20.000000000", "monthly")
    assert (data["expires_at"], data["rate_limit_rpm"]) == ("2099-01-01T00:00:00Z", 60)
    assert data["allowed_ips"] == ["203.0.113.7/32"]
    assert data["label"] == f"{made['key'][:8]}...{made['key'][-4:]}"
    assert data["limit_resets_at"].endswith("-01T00:00:00Z")
    assert len(data["hash"]) == 64
    one = asking.get(f"keys/{data['hash']}")
    assert one.json() == {"data": data}
    assert asking.data("keys") == [data]
    assert made["key"] not in one.content.decode()
    entry = AuditEntry.objects.get(action="api_key.created")
    assert (entry.actor, entry.details["via"]) == ("ada@example.com", "management key “ci”")


def test_what_a_key_spent_in_which_window(ada, asking):
    made = make(asking, limit=2, limit_reset="daily")
    key = ApiKey.objects.get()
    books, wallet = DjangoBooks(), ledger.wallet_open(organization_id=ada.organization.id)
    books.finish(books.hold(wallet, 0.5, key=key.id), wallet, 0.5)
    books.hold(wallet, 0.25, key=key.id)
    found = asking.data(f"keys/{made['data']['hash']}")
    assert (found["usage"], found["usage_daily"], found["usage_weekly"], found["usage_monthly"]) == (0.5,) * 4
    assert found["usage_usd"] == "0.500000000"
    assert (found["limit_remaining"], found["held_usd"]) == (1.25, "0.250000000")


def test_the_limit_is_changed_moved_and_taken_away(ada, asking):
    path = f"keys/{make(asking, limit=20, limit_reset='monthly')['data']['hash']}"

    def change(**body):
        return asking.ask("patch", path, body)

    assert change(limit=30).json()["data"]["limit"] == 30.0
    assert limits_of(ada) == [("monthly", 30)]
    assert change(limit_reset="daily").json()["data"]["limit_reset"] == "daily"
    assert limits_of(ada) == [("daily", 30)]
    assert change(limit=5, limit_reset=None).json()["data"]["limit_reset"] is None
    assert limits_of(ada) == [("total", 5)]
    assert change(name="other").json()["data"]["limit"] == 5.0
    assert change(limit=None).json()["data"]["limit"] is None
    assert limits_of(ada) == []
    assert error_of(change(limit_reset="weekly"))["fields"]["limit"]


def test_of_several_limits_only_the_named_one_changes(ada, asking):
    path = f"keys/{make(asking, limit=20, limit_reset='monthly')['data']['hash']}"
    limit_set(organization_id=ada.organization.id, api_key_id=ApiKey.objects.get().id, period="daily", amount_nanos=USD)
    found = asking.data(path)
    assert (found["limit"], found["limit_reset"]) == (1.0, "daily")  # it binds first
    assert [limit["period"] for limit in found["limits"]] == ["daily", "monthly"]
    answer = asking.ask("patch", path, {"limit": 100})
    assert (answer.status_code, list(error_of(answer)["fields"])) == (422, ["limit_reset"])
    asking.ask("patch", path, {"limit": 100, "limit_reset": "monthly"})
    assert limits_of(ada) == [("daily", 1), ("monthly", 100)]
    asking.ask("patch", path, {"limit": None, "limit_reset": "daily"})
    assert limits_of(ada) == [("monthly", 100)]


def test_a_developer_makes_keys_and_no_limits(ada):
    bo = member(ada, role="admin")
    asking = program(bo)
    Membership.objects.filter(id=bo.organization.member_id).update(role="developer")
    answer = asking.post("keys", {"name": "x", "limit": 5})
    assert (answer.status_code, error_of(answer)["reason"]) == (403, "role")
    assert ApiKey.objects.count() == 0  # neither without the limit
    path = f"keys/{make(asking)['data']['hash']}"
    assert asking.ask("patch", path, {"limit": 5}).status_code == 403
    assert asking.ask("patch", path, {"name": "y"}).status_code == 200


def test_keys_are_disabled_enabled_and_revoked(ada, asking):
    made = make(asking)
    path = f"keys/{made['data']['hash']}"
    infers = type(asking)(made["key"])
    assert infers.get("key").status_code == 200
    assert asking.ask("patch", path, {"disabled": True}).json()["data"]["disabled"] is True
    assert infers.get("key").status_code == 401
    assert asking.data("keys") == []
    assert len(asking.data("keys?include_disabled=true")) == 1
    assert asking.ask("patch", path, {"disabled": False}).json()["data"]["status"] == "active"
    assert infers.get("key").status_code == 200
    assert asking.ask("delete", path).json() == {"deleted": True}
    assert infers.get("key").status_code == 401
    assert asking.data(path)["status"] == "revoked"
    assert asking.ask("delete", path).status_code == 200  # twice is fine


def test_a_rotated_key_keeps_its_hash_and_limits(ada, asking):
    made = make(asking, limit=20)
    path = f"keys/{made['data']['hash']}"
    rotated = asking.post(f"{path}/rotate", {"grace_seconds": 3600}).json()
    assert rotated["key"] != made["key"]
    assert rotated["data"]["hash"] == made["data"]["hash"]
    assert rotated["data"]["limit"] == 20.0
    assert [type(asking)(secret).get("key").status_code for secret in (made["key"], rotated["key"])] == [200, 200]
    last = asking.post(f"{path}/rotate").json()
    secrets = (made["key"], rotated["key"], last["key"])
    assert [type(asking)(secret).get("key").status_code for secret in secrets] == [401, 401, 200]
    assert asking.post(f"{path}/rotate", {"grace_seconds": 10**9}).status_code == 422


def test_the_same_post_again_makes_no_second_key_and_brings_the_same_secret(ada, asking):
    first = asking.post("keys", {"name": "ci"}, Idempotency_Key="a")
    again = asking.post("keys", {"name": "ci"}, Idempotency_Key="a")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert ApiKey.objects.count() == 1
    other = asking.post("keys", {"name": "cd"}, Idempotency_Key="a")
    assert (other.status_code, error_of(other)["reason"]) == (422, "idempotency_key_reused")
    assert asking.post("keys", {"name": "ci"}, Idempotency_Key="b").json()["key"] != first.json()["key"]
    assert program(ada).post("keys", {"name": "ci"}, Idempotency_Key="a").json()["key"] != first.json()["key"]
    for wrong in ("", "a b", "é", "x" * 256):
        assert asking.post("keys", {"name": "ci"}, Idempotency_Key=wrong).status_code == 400, wrong


def test_what_was_refused_is_tried_anew(ada, asking):
    assert asking.post("keys", {"name": "ci", "allowed_ips": ["x"]}, Idempotency_Key="a").status_code == 422
    assert OnceAnswer.objects.count() == 0
    assert asking.post("keys", {"name": "ci"}, Idempotency_Key="a").status_code == 201


def test_no_secret_is_in_the_database(asking):
    secret = asking.post("keys", {"name": "ci"}, Idempotency_Key="a").json()["key"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed FROM tokenoutput_onceanswer")
        (sealed,) = cursor.fetchone()
    assert secret not in sealed
    assert sealed.startswith("gAAAA")


def test_old_answers_go(asking):
    first = asking.post("keys", {"name": "ci"}, Idempotency_Key="a").json()
    asking.post("keys", {"name": "ci"}, Idempotency_Key="b")
    OnceAnswer.objects.update(created_at="2020-01-01T00:00:00Z")
    assert asking.post("keys", {"name": "ci"}, Idempotency_Key="a").json()["key"] != first["key"]
    assert OnceAnswer.objects.count() == 1


def test_foreign_keys_are_not_there(ada, asking):
    path = f"keys/{make(asking)['data']['hash']}"
    other = program(visitor("eve"))
    assert other.data("keys?include_disabled=true") == []
    for method in ("get", "patch", "delete"):
        assert other.ask(method, path).status_code == 404
    assert other.post(f"{path}/rotate").status_code == 404
    for name in ("x", "0" * 64, "%00", "é"):
        assert asking.get(f"keys/{name}").status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", "x" * 300), ("name", None), ("name", "a\u0000b"), ("limit", 0), ("limit", -1),
        ("limit", 1e12), ("limit", "much"), ("limit_reset", "hourly"), ("expires_at", "2020-01-01T00:00:00Z"),
        ("expires_at", "2099-01-01T00:00:00+02:00"), ("expires_at", "2099-01-01"), ("expires_at", 4070908800),
        ("allowed_ips", ["nowhere"]), ("allowed_ips", "203.0.113.7"), ("rate_limit_rpm", 0), ("limt", 5),
    ],
)  # fmt: skip
def test_keys_that_cannot_be(asking, field, value):
    answer = asking.post("keys", {"name": "ci", field: value})
    assert answer.status_code == 422, answer.content
    assert error_of(answer)["reason"] == "invalid"
    assert ApiKey.objects.count() == 0


def test_a_page_of_keys_costs_the_same_whatever_their_number(asking, django_assert_max_num_queries):
    for number in range(12):
        make(asking, name=f"key {number}", limit=5)
    with django_assert_max_num_queries(12):
        answer = asking.get("keys?limit=10").json()
    assert [key["name"] for key in answer["data"]] == [f"key {number}" for number in range(11, 1, -1)]
    assert (answer["total_count"], answer["links"]["next"][-18:]) == (12, "?offset=10&limit=10"[-18:])
    assert [key["name"] for key in asking.data("keys?q=key+11")] == ["key 11"]
