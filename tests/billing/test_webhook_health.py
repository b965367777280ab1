"""A webhook that takes nothing for days is paused by itself and says why; after a rotation two secrets sign."""

import json
import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.audit import audit_list
from billing.alert_deliveries import PAUSES_SECONDS, alerts_deliver
from billing.alert_models import AlertDelivery
from billing.webhook_models import Webhook
from billing.webhook_post import webhook_signature
from tests.api.programs import program
from tests.billing.test_alerts import listener
from tests.billing.test_webhooks import act, made, raised, read
from tests.tokenoutput.pages import member, visitor
from tests.tokenoutput.test_mails import html_of, links_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(settings):
    settings.DEBUG = True  # So that this machine may be posted to.
    return visitor()


def last_try(webhook):
    """One more try of the newest that waits; it is the last one there is."""
    newest = AlertDelivery.objects.filter(webhook=webhook, state="waiting").latest("id")
    waiting = AlertDelivery.objects.filter(id=newest.id)
    waiting.update(attempts=len(PAUSES_SECONDS), due_at=timezone.now() - timedelta(seconds=1))
    alerts_deliver()


def failing(webhook, **ago):
    Webhook.objects.filter(id=webhook.id).update(failing_since=timezone.now() - timedelta(**ago))


def test_only_an_alert_given_up_after_days_without_any_taken_pauses(ada):
    with listener(500, 503, 503, 503) as (url, _got):
        webhook = made(ada, url)
        page = f"webhooks/{webhook.public_id}"
        raised(ada)
        last_try(webhook)  # Given up, but it has been failing for a moment only.
        assert "After three days it is paused by itself" in read(ada, page)
        assert "Failing" in read(ada, "webhooks")
        failing(webhook, days=2, hours=23)
        raised(ada)
        last_try(webhook)
        failing(webhook, days=3)
        raised(ada)
        alerts_deliver()  # Tried, and will be again: not before its last try.
        assert "Paused by itself" not in read(ada, page)
        raised(ada)
        last_try(webhook)
    assert "Paused by itself" in read(ada, page) and "Paused by itself" in read(ada, "webhooks")
    assert not AlertDelivery.objects.filter(webhook=webhook, state="waiting").exists()


def test_owners_and_admins_are_told_and_resume_it_by_one_press(ada):
    admin, viewer = member(ada, role="admin", name="bo"), member(ada, role="viewer", name="vi")
    with listener(503, 204) as (url, _got):
        webhook = made(ada, url)
        page = f"webhooks/{webhook.public_id}"
        failing(webhook, days=4)
        raised(ada)
        mail.outbox.clear()
        last_try(webhook)
        alerts_deliver()
        told = [message for message in mail.outbox if message.subject.startswith("A webhook was paused")]
        assert sorted(to for message in told for to in message.to) == ["ada@example.com", "bo@example.com"]
        assert "It answered 503." in told[0].body and "It answered 503." in html_of(told[0])
        assert links_in(told[0].body)[0] == admin.path(page)
        line = audit_list(organization_id=ada.organization.id)[0]
        assert (line.action, line.actor, line.details) == ("webhook.paused", "", {"why": "It answered 503."})
        assert "Resume</button>" not in read(viewer, page)
        html = read(admin, page)
        assert "the last error was: It answered 503." in html and html.count("Resume</button>") == 1
        html = act(admin, webhook, "/resume").content.decode()
        assert "Resumed." in html and "Paused by itself" not in html and "Nothing was taken since" not in html
        act(ada, webhook, "/test")
        alerts_deliver()
    webhook.refresh_from_db()
    assert (webhook.disabled_at, webhook.disabled_for, webhook.failing_since) == (None, "", None)


def test_one_that_takes_something_is_well_again(ada):
    with listener(500, 204) as (url, _got):
        webhook = made(ada, url)
        raised(ada)
        alerts_deliver()
        failing(webhook, days=9)
        act(ada, webhook, "/test")
        alerts_deliver()
    webhook.refresh_from_db()
    assert (webhook.failing_since, webhook.disabled_at) == (None, None)


def test_programs_see_it_and_resume_it(ada):
    asking = program(ada)
    webhook = made(ada)
    since = timezone.now() - timedelta(days=4)
    Webhook.objects.update(disabled_at=timezone.now(), disabled_for="It answered 410.", failing_since=since)
    shown = asking.data(f"webhooks/{webhook.public_id}")
    assert (shown["paused"], shown["paused_for"]) == (True, "It answered 410.")
    assert shown["failing_since"] == f"{since:%Y-%m-%dT%H:%M:%SZ}" and shown["paused_at"]
    resumed = asking.ask("patch", f"webhooks/{webhook.public_id}", {"paused": False}).json()["data"]
    assert [resumed[name] for name in ("paused", "paused_at", "paused_for", "failing_since")] == [
        False,
        None,
        None,
        None,
    ]


def signatures(header):
    """The time, and what each secret signed."""
    parts = [part.split("=") for part in header.split(",")]
    assert [name for name, _ in parts] == ["t"] + ["v1"] * (len(parts) - 1)
    return int(parts[0][1]), [value for _, value in parts[1:]]


def test_the_secret_before_signs_too_until_its_grace_is_over(ada):
    with listener(204) as (url, got):
        webhook = made(ada, url)
        old = webhook.secret.reveal()
        html = act(ada, webhook, "/secret", grace="86400").content.decode()
        (new,) = re.findall(r"whsec_[0-9a-f]{64}", html)
        assert "The secret before this one signs too until" in html
        until = program(ada).data(f"webhooks/{webhook.public_id}")["previous_secret_until"]
        assert f"{timezone.now() + timedelta(days=1):%Y-%m-%d}" in until
        for kept in ([new, old], [new]):
            act(ada, webhook, "/test")
            alerts_deliver()
            headers, body = got[-1]
            seconds, signed = signatures(headers["TokenOutput-Signature"])
            assert signed == signatures(webhook_signature(secrets=kept, timestamp=seconds, body=body))[1]
            Webhook.objects.update(previous_until=timezone.now() - timedelta(seconds=1))
        assert "signs too until" not in read(ada, f"webhooks/{webhook.public_id}")
    row = Webhook.objects.values().get()
    assert old not in json.dumps(row, default=str)


@pytest.mark.parametrize(("grace", "status"), [("0", 200), ("604800", 200), ("604801", 422), ("", 422), ("-1", 422)])
def test_a_grace_is_one_of_those_offered(ada, grace, status):
    webhook = made(ada)
    before = webhook.secret.reveal()
    answer = ada.client.post(ada.path(f"webhooks/{webhook.public_id}/secret"), {"grace": grace})
    assert answer.status_code == status
    webhook.refresh_from_db()
    assert (webhook.secret.reveal() != before) == (status == 200)
    assert (webhook.previous_secret.reveal() == before) == (grace == "604800")
    assert Client().get(ada.path(f"webhooks/{webhook.public_id}")).status_code == 302
