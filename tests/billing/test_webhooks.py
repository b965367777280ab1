"""The pages of webhooks: made with a secret shown once, changed, paused, tested, redelivered, and closed to others."""

import json
import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.audit import audit_list
from billing.alert_deliveries import alerts_deliver
from billing.alert_models import Alert, AlertDelivery, AlertSettings
from billing.alerts import alert_raise, alert_settle
from billing.webhook_models import WEBHOOK_KINDS, Webhook
from billing.webhooks import WEBHOOKS_MAX
from tests.billing.test_alerts import listener
from tests.tokenoutput.pages import member, visitor

pytestmark = pytest.mark.django_db
URL = "https://hooks.example.com/a?b=c"
SHORT = {"balance_usd": "1.00", "threshold_usd": "5.00"}


@pytest.fixture
def ada():
    return visitor()


def create(who, url=URL, kinds=WEBHOOK_KINDS):
    """The page after it was made."""
    return who.client.post(who.path("webhooks"), {"url": url, "kinds": list(kinds)})


def made(who, url=URL, kinds=WEBHOOK_KINDS):
    assert create(who, url, kinds).status_code == 200
    return Webhook.objects.get(organization_id=who.organization.id, url=url)


def read(who, page):
    answer = who.client.get(who.path(page))
    assert answer.status_code == 200
    return answer.content.decode()


def act(who, webhook, what, **sent):
    return who.client.post(who.path(f"webhooks/{webhook.public_id}{what}"), sent, follow=True)


def raised(who, kind="low_balance"):
    """An alert of this kind, said now."""
    alert_settle(organization_id=who.organization.id, kind=kind, level=0)
    facts = SHORT | {"hour_usd": "9.00", "usual_usd": "1.00", "factor": "5"}
    assert alert_raise(organization_id=who.organization.id, kind=kind, level=1, facts=facts)


def posted(got):
    return [json.loads(body)["type"] for _, body in got]


def test_a_webhook_is_made_and_its_secret_is_shown_once(ada):
    assert "No webhooks yet" in read(ada, "webhooks")
    answer = create(ada)
    assert "no-store" in answer["Cache-Control"]
    (secret,) = re.findall(r"whsec_[0-9a-f]{64}", answer.content.decode())
    row = Webhook.objects.get()
    assert row.secret.reveal() == secret
    assert secret not in row.secret.sealed
    html = read(ada, "webhooks") + read(ada, f"webhooks/{row.public_id}")
    assert "whsec_" not in html
    assert "hooks.example.com/a?b=c" in html
    assert "made" in html and "ada@example.com" in html
    line = audit_list(organization_id=ada.organization.id)[0]
    assert (line.action, line.target, line.actor) == ("webhook.created", URL, "ada@example.com")
    assert secret not in str(line)


@pytest.mark.parametrize(
    ("url", "kinds", "said"),
    [
        ("", WEBHOOK_KINDS, "This field is required."),
        ("http://example.com/", WEBHOOK_KINDS, "must start with https://"),
        ("https://192.168.1.1/", WEBHOOK_KINDS, "private, loopback or reserved"),
        ("javascript:alert(1)", WEBHOOK_KINDS, "must start with http"),
        (URL, [], "Choose what is posted."),
        (URL, ["nonsense"], "Select a valid choice"),
        ("https://hooks.example.com/there", WEBHOOK_KINDS, "There is a webhook with this address already."),
    ],
)
def test_what_cannot_be_is_refused_beside_the_field(ada, url, kinds, said):
    made(ada, "https://hooks.example.com/there")
    answer = create(ada, url, kinds)
    assert answer.status_code == 422
    html = answer.content.decode()
    assert html.count(said) >= 2  # above the form, and beside the field
    assert "whsec_" not in html
    assert Webhook.objects.count() == 1


def test_there_are_ten_at_most(ada):
    for number in range(WEBHOOKS_MAX):
        made(ada, f"https://hooks.example.com/{number}")
    assert "10 webhooks are all there can be" in read(ada, "webhooks")
    answer = create(ada)
    assert answer.status_code == 422
    assert "At most 10 webhooks" in answer.content.decode()
    bob = visitor("bob")
    assert create(bob).status_code == 200  # others have their own ten


def test_the_pages_cost_the_same_with_ten_and_with_many_deliveries(ada):
    def queries(page):
        with CaptureQueriesContext(
            connection,
        ) as seen:
            read(ada, page)
        return len(seen)

    one = made(ada, "https://hooks.example.com/0")
    few = queries("webhooks"), queries(f"webhooks/{one.public_id}")
    for number in range(1, WEBHOOKS_MAX):
        made(ada, f"https://hooks.example.com/{number}")
    for _ in range(45):
        raised(ada)
    assert (queries("webhooks"), queries(f"webhooks/{one.public_id}")) <= (few[0] + 1, few[1] + 1)
    AlertDelivery.objects.update(state="sent")
    page, seen = f"webhooks/{one.public_id}", []
    while page:
        html = read(ada, page)
        seen.append([int(number) for number in re.findall(r"deliveries/(\d+)", html)])
        older = re.search(r'href="(\?before=\d+)">Older', html)
        page = f"webhooks/{one.public_id}{older[1]}" if older else ""
    assert [len(ids) for ids in seen] == [20, 20, 5]
    ids = AlertDelivery.objects.filter(webhook=one).order_by("-id").values_list("id", flat=True)
    assert [number for numbers in seen for number in numbers] == list(ids)
    assert "Nothing older" in read(ada, f"webhooks/{one.public_id}?before=1")


def test_each_gets_what_it_chose(ada, settings):
    settings.DEBUG = True
    with listener() as (first, got), listener() as (second, other):
        one = made(ada, first, ["low_balance"])
        made(ada, second, ["unusual_spend", "topup_failed"])
        raised(ada)
        raised(ada, "unusual_spend")
        alerts_deliver()
        assert (posted(got), posted(other)) == (["alert.low_balance"], ["alert.unusual_spend"])
        assert "Saved." in act(ada, one, "", kinds=["unusual_spend"]).content.decode()
        raised(ada)
        raised(ada, "unusual_spend")
        alerts_deliver()
    assert posted(got) == ["alert.low_balance", "alert.unusual_spend"]
    refused = act(ada, one, "")
    assert refused.status_code == 422
    assert "Choose what is posted." in refused.content.decode()


def test_what_is_switched_off_under_alerts_is_said(ada):
    webhook = made(ada)
    assert "Switched off under Alerts" not in read(ada, f"webhooks/{webhook.public_id}")
    AlertSettings.objects.create(organization_id=ada.organization.id, unusual_spend=False)
    html = read(ada, f"webhooks/{webhook.public_id}")
    assert "Switched off under Alerts" in html
    assert "1 webhook</a>" in read(ada, "alerts")


def test_a_test_goes_to_this_one_alone_and_its_log_tells(ada, settings):
    settings.DEBUG = True
    with listener(500, 204) as (first, got), listener() as (second, other):
        webhook = made(ada, first, ["topup_failed"])
        made(ada, second)
        for _ in range(2):  # sent twice by mistake: one test
            assert "A test is on its way" in act(ada, webhook, "/test").content.decode()
        assert "On its way" in read(ada, f"webhooks/{webhook.public_id}")
        alerts_deliver()
        html = read(ada, f"webhooks/{webhook.public_id}")
        assert "It answered 500." in html
        assert "next try" in html
        assert "Tried, will try again" in read(ada, "webhooks")
        AlertDelivery.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        alerts_deliver()
    assert (posted(got), other) == (["alert.test"] * 2, [])
    html = read(ada, f"webhooks/{webhook.public_id}")
    assert "taken" in html
    assert "It answered" not in html


def test_a_delivery_is_made_again_with_the_same_event_id(ada, settings):
    settings.DEBUG = True
    with listener(204, 500, 204) as (url, got):
        webhook = made(ada, url)
        raised(ada)
        alerts_deliver()
        first = AlertDelivery.objects.get(webhook=webhook)
        for _ in range(2):
            assert "once more" in act(ada, webhook, f"/deliveries/{first.id}").content.decode()
        assert AlertDelivery.objects.filter(webhook=webhook).count() == 2
        alerts_deliver()  # 500: it waits for a minute, unless it is asked for now
        alerts_deliver()
        assert len(got) == 2
        act(ada, webhook, f"/deliveries/{first.id}")
        alerts_deliver()
    assert len({headers["TokenOutput-Event"] for headers, _ in got}) == 1
    assert [headers["TokenOutput-Event"] for headers, _ in got] == [f"alert_{Alert.objects.get().id}"] * 3
    assert act(ada, webhook, "/deliveries/0").status_code == 404


def test_paused_and_resumed(ada, settings):
    settings.DEBUG = True
    with listener(500) as (url, got):
        webhook = made(ada, url)
        raised(ada)
        alerts_deliver()
        act(ada, webhook, "/pause")
        html = act(ada, webhook, "/pause").content.decode()
        assert "It is paused" in html
        assert "Send test" not in html
        delivery = AlertDelivery.objects.get(webhook=webhook)
        assert (delivery.state, delivery.last_error) == ("given_up", "The webhook was paused.")
        for what in ("/test", f"/deliveries/{delivery.id}"):
            assert "resume it first" in act(ada, webhook, what).content.decode()
        raised(ada)
        assert AlertDelivery.objects.filter(webhook=webhook).count() == 1
        assert "Resumed." in act(ada, webhook, "/resume").content.decode()
        raised(ada)
        alerts_deliver()
    assert posted(got) == ["alert.low_balance"] * 2
    actions = [line.action for line in audit_list(organization_id=ada.organization.id)]
    assert actions == ["webhook.resumed", "webhook.paused", "webhook.created"]


def test_a_new_secret_signs_what_waits(ada, settings):
    settings.DEBUG = True
    with listener(401, 204) as (url, got):
        webhook = made(ada, url)
        old = webhook.secret.reveal()
        raised(ada)
        alerts_deliver()
        answer = ada.client.post(ada.path(f"webhooks/{webhook.public_id}/secret"), {"grace": "0"})
        assert "no-store" in answer["Cache-Control"]
        (secret,) = re.findall(r"whsec_[0-9a-f]{64}", answer.content.decode())
        assert secret != old
        AlertDelivery.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        alerts_deliver()
    first, second = (headers["TokenOutput-Signature"].partition("v1=")[2] for headers, _ in got)
    assert first != second
    webhook.refresh_from_db()
    assert webhook.secret.reveal() == secret


def test_removed_it_is_gone_and_what_was_sent_stays(ada):
    webhook = made(ada)
    raised(ada)
    assert "The webhook is removed." in act(ada, webhook, "/remove").content.decode()
    assert not Webhook.objects.exists()
    assert "hooks.example.com" in read(ada, "alerts")
    assert act(ada, webhook, "/remove").status_code == 404
    assert create(ada).status_code == 200  # the address is free again


DOINGS = ("", "/test", "/pause", "/resume", "/secret", "/deliveries/1", "/remove")


def test_others_find_nothing(ada, client):
    webhook = made(ada)
    eve = visitor("eve")
    for what in DOINGS:
        assert act(eve, webhook, what, kinds=["low_balance"]).status_code == 404
        assert eve.client.post(ada.path(f"webhooks/{webhook.public_id}{what}")).status_code == 404
        assert client.post(ada.path(f"webhooks/{webhook.public_id}{what}")).status_code == 302
    assert eve.client.get(eve.path(f"webhooks/{webhook.public_id}")).status_code == 404
    row = Webhook.objects.get()
    assert (row.kinds, row.disabled_at) == (list(WEBHOOK_KINDS), None)


@pytest.mark.parametrize("role", ["developer", "billing", "viewer"])
def test_who_may_look_may_not_change(ada, role):
    webhook = made(ada)
    bo = member(ada, role=role)
    html = read(bo, "webhooks") + read(bo, f"webhooks/{webhook.public_id}")
    for word in ("Create webhook", "Send test", "Rotate secret", "Save</button>"):
        assert word not in html
    assert create(bo).status_code == 403
    for what in DOINGS:
        assert act(bo, webhook, what, kinds=["low_balance"]).status_code == 403


def test_staff_see_webhooks_and_no_secret(ada, client):
    webhook = made(ada)
    staff = visitor("staff").user
    get_user_model().objects.filter(pk=staff.pk).update(is_staff=True, is_superuser=True)
    client.force_login(staff)
    for page in ("changelist", "change"):
        path = reverse(f"admin:billing_webhook_{page}", args=[webhook.id] if page == "change" else [])
        html = client.get(path).content.decode()
        assert "hooks.example.com" in html
        assert "whsec_" not in html
        assert webhook.secret.sealed not in html
        assert 'name="_save"' not in html
