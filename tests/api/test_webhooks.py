"""Webhooks over the management API: ten at most, secrets once, a log in pages, and what is not theirs is not there."""

from typing import Any

import pytest

from accounts.models import Membership
from billing.alert_models import AlertDelivery
from billing.alerts import alert_raise, alert_settle
from billing.webhook_models import Webhook
from tests.api.programs import error_of, program
from tests.tokenoutput.pages import member, visitor

pytestmark = pytest.mark.django_db
BODY = {"url": "https://hooks.example.com/a?b=c"}
EVENTS = ["alert.low_balance", "alert.key_limit", "alert.topup_failed", "alert.unusual_spend"]


@pytest.fixture
def ada():
    return visitor()


@pytest.fixture
def asking(ada):
    return program(ada)


def raised(who, times=1):
    for _ in range(times):
        alert_settle(organization_id=who.organization.id, kind="low_balance", level=0)
        facts = {"balance_usd": "1.00", "threshold_usd": "5.00"}
        assert alert_raise(organization_id=who.organization.id, kind="low_balance", level=1, facts=facts)


def test_a_webhook_is_made_once_and_its_secret_shown_once(asking):
    assert asking.data("webhooks") == []
    made = asking.post("webhooks", BODY, Idempotency_Key="w1")
    assert made.status_code == 201
    webhook = made.json()["data"]
    secret = webhook.pop("secret")
    assert Webhook.objects.get().secret.reveal() == secret
    assert asking.post("webhooks", BODY, Idempotency_Key="w1").json()["data"]["secret"] == secret
    assert error_of(asking.post("webhooks", BODY))["reason"] == "conflict"
    assert asking.data("webhooks") == [webhook]
    assert asking.data(f"webhooks/{webhook['id']}") == webhook
    assert (webhook["url"], webhook["events"], webhook["paused"]) == (BODY["url"], EVENTS, False)
    assert webhook["last_delivery"] is None
    assert asking.ask("delete", f"webhooks/{webhook['id']}").json() == {"deleted": True}
    assert asking.ask("delete", f"webhooks/{webhook['id']}").status_code == 404
    for url in ("http://example.com/", "https://10.0.0.1/", "nonsense", "x" * 501):
        assert asking.post("webhooks", {"url": url}).status_code == 422, url


def test_there_are_ten_at_most(asking):
    for number in range(10):
        assert asking.post("webhooks", {"url": f"https://hooks.example.com/{number}"}).status_code == 201
    assert asking.post("webhooks", BODY).status_code == 409
    assert len(asking.data("webhooks")) == 10


def test_a_webhook_is_changed_by_what_is_named(ada, asking):
    path = f"webhooks/{asking.post('webhooks', BODY | {'events': EVENTS[:1]}).json()['data']['id']}"
    assert asking.data(path)["events"] == EVENTS[:1]
    changed = asking.ask("patch", path, {"events": [EVENTS[2], EVENTS[0]]}).json()["data"]
    assert (changed["events"], changed["paused"]) == ([EVENTS[0], EVENTS[2]], False)
    assert asking.ask("patch", path, {"paused": True}).json()["data"]["paused"] is True
    assert asking.post(f"{path}/test").status_code == 409
    raised(ada)
    assert asking.ask("patch", path, {"paused": False}).json()["data"]["paused"] is False
    assert asking.data(f"{path}/deliveries") == []
    wrong: list[dict[str, Any]] = [{"events": []}, {"events": ["alert.test"]}, {"paused": "maybe"}, BODY]
    for body in wrong:
        assert asking.ask("patch", path, body).status_code == 422, body


def test_a_secret_is_rotated_once_for_one_key(asking):
    made = asking.post("webhooks", BODY).json()["data"]
    answers = [asking.post(f"webhooks/{made['id']}/rotate", Idempotency_Key="r1").json()["data"] for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["secret"] != made["secret"]
    row = Webhook.objects.get()
    assert (row.secret.reveal(), row.previous_secret.reveal()) == (answers[0]["secret"], made["secret"])
    assert answers[0]["previous_secret_until"]
    ended = asking.post(f"webhooks/{made['id']}/rotate", {"grace_seconds": 0}).json()["data"]
    assert ended["previous_secret_until"] is None
    assert asking.post(f"webhooks/{made['id']}/rotate", {"grace_seconds": 604_801}).status_code == 422


def test_the_log_comes_in_pages_and_a_delivery_is_made_again(ada, asking):
    path = f"webhooks/{asking.post('webhooks', BODY).json()['data']['id']}"
    raised(ada, 4)
    tested = asking.post(f"{path}/test").json()["data"]["last_delivery"]
    assert (tested["type"], tested["state"], tested["attempts"]) == ("alert.test", "waiting", 0)
    assert tested["next_attempt_at"]
    lines: list[dict[str, Any]] = []
    link = f"/api/v1/{path}/deliveries?limit=2"
    while link:
        answer = asking.get(link.partition("/api/v1/")[2]).json()
        lines, link = lines + answer["data"], answer["links"]["next"]
    assert [line["type"] for line in lines] == ["alert.test"] + ["alert.low_balance"] * 4
    AlertDelivery.objects.filter(id=lines[1]["id"]).update(state="given_up", last_error="It answered 500.")
    assert asking.data(f"{path}/deliveries")[1]["last_error"] == "It answered 500."
    again = asking.post(f"{path}/deliveries/{lines[1]['id']}/redeliver").json()["data"]["last_delivery"]
    assert (again["event_id"], again["state"]) == (lines[1]["event_id"], "waiting")
    assert again["id"] != lines[1]["id"]
    for wrong in ("0", "x", "9" * 30):
        assert asking.post(f"{path}/deliveries/{wrong}/redeliver").status_code == 404
    assert asking.get(f"{path}/deliveries?cursor=x").status_code == 400


def test_what_is_not_theirs_is_not_there(ada, asking):
    path = f"webhooks/{asking.post('webhooks', BODY).json()['data']['id']}"
    eve = program(visitor("eve"))
    assert eve.data("webhooks") == []
    answers = [
        eve.get(path),
        eve.ask("patch", path, {"paused": True}),
        eve.ask("delete", path),
        eve.get(f"{path}/deliveries"),
        *[eve.post(f"{path}/{what}") for what in ("test", "rotate", "deliveries/1/redeliver")],
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert asking.data(path)["paused"] is False


def test_who_may_not_change_alerts_may_not_change_webhooks(ada, asking):
    path = f"webhooks/{asking.post('webhooks', BODY).json()['data']['id']}"
    bo = member(ada, role="admin")
    theirs = program(bo)
    Membership.objects.filter(id=bo.organization.member_id).update(role="billing")
    assert theirs.get(path).status_code == 200
    for what in ("", "/test", "/rotate", "/deliveries/1/redeliver"):
        assert theirs.post(path + what if what else "webhooks", BODY).status_code == 403
    assert theirs.ask("patch", path, {"paused": True}).status_code == 403
    assert theirs.ask("delete", path).status_code == 403
