"""Further addresses of alerts get nothing until whoever reads them said yes, by the link of a mail."""

import re
from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.conf import settings
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.audit import audit_list
from billing.alert_deliveries import alerts_deliver
from billing.alert_models import AlertAddress, AlertSettings
from billing.alert_recipients import ASKED_A_DAY_MAX, RESEND_SECONDS
from billing.alerts import alert_test
from tests.billing.test_alert_pages import SENT
from tests.tokenoutput.pages import member, visitor
from tests.tokenoutput.test_mails import html_of, links_in
from tests.tokenoutput.test_pages import text_of
from tokenoutput.redaction import redact

pytestmark = pytest.mark.django_db
OPS = "ops@example.org"


@pytest.fixture
def ada():
    return visitor()


@pytest.fixture
def save(ada, django_capture_on_commit_callbacks):
    def save_it(recipients, **more):
        with django_capture_on_commit_callbacks(execute=True):
            return ada.client.post(ada.path("alerts"), SENT | {"to_admin": "", "recipients": recipients} | more)

    return save_it


@pytest.fixture
def resend(ada, django_capture_on_commit_callbacks):
    def resend_it(email):
        with django_capture_on_commit_callbacks(execute=True):
            return ada.client.post(ada.path("alerts/resend"), {"resend": email}, follow=True).content.decode()

    return resend_it


def link_of(message):
    (link,) = set(links_in(message.body) + links_in(html_of(message)))
    assert link.startswith("/alerts/confirm/")
    return link


def told(ada):
    """Who gets a test, now."""
    mail.outbox.clear()
    alert_test(organization_id=ada.organization.id, by="ada@example.com")
    alerts_deliver()
    return sorted(to for message in mail.outbox for to in message.to)


def page(ada):
    return ada.client.get(ada.path("alerts")).content.decode()


def earlier(seconds):
    AlertAddress.objects.update(sent_at=timezone.now() - timedelta(seconds=seconds))


def test_nothing_comes_before_a_yes_and_everything_after_it(ada, save):
    assert save(f"{OPS}, dev@example.org").status_code == 302
    assert sorted(to for message in mail.outbox for to in message.to) == ["dev@example.org", OPS]
    message = next(message for message in mail.outbox if message.to == [OPS])
    assert message.subject == f"Do you want the alerts of {ada.organization.name}?"
    link = link_of(message)
    assert told(ada) == []
    assert page(ada).count("Waiting for confirmation</span>") == 2

    reader = Client(enforce_csrf_checks=True)  # Nobody's member, and not signed in.
    html = reader.get(link).content.decode()
    assert f"Get the alerts of {ada.organization.name}?" in html
    assert told(ada) == []  # A mail scanner that follows links says yes to nothing.
    token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', html)[-1]
    answer = reader.post(link, {"csrfmiddlewaretoken": token}, follow=True)
    assert "You get the alerts of" in answer.content.decode()
    assert told(ada) == [OPS]
    assert page(ada).count("Waiting for confirmation</span>") == 1
    line = audit_list(organization_id=ada.organization.id)[0]
    assert (line.action, line.target) == ("alerts.recipient_confirmed", OPS)
    assert reader.get(link).status_code == 200  # The link still tells; the token is kept as a hash alone.
    secret = link.rpartition("/")[2]
    assert secret not in str(AlertAddress.objects.values())
    assert secret not in redact(f"GET {link}")


def test_nobody_is_asked_twice(ada, save):
    save(OPS)
    save(OPS)
    save("")
    save(OPS)
    assert len(mail.outbox) == 1
    Client().post(link_of(mail.outbox[0]))
    save("")
    assert told(ada) == []
    save(OPS)
    assert told(ada) == [OPS]


def test_a_member_needs_no_link(ada, save):
    member(ada, role="viewer", name="vi")
    save("vi@example.com")
    assert mail.outbox == []
    assert told(ada) == ["vi@example.com"]
    assert "Waiting for confirmation" not in page(ada)


def test_an_expired_link_confirms_nothing_and_a_new_one_is_sent(ada, save, resend):
    save(OPS)
    old = link_of(mail.outbox[0])
    AlertAddress.objects.update(expires_at=timezone.now())
    answer = Client().post(old, follow=True)
    assert "This link has expired" in answer.content.decode()
    assert told(ada) == []
    assert "Link expired" in page(ada)
    assert "less than ten minutes ago" in resend(OPS)
    assert mail.outbox == []
    earlier(RESEND_SECONDS + 1)
    assert "A new link is on its way to ops@example.org." in resend(OPS)
    (message,) = mail.outbox
    assert Client().get(old).status_code == 404  # the one before stops
    Client().post(link_of(message))
    assert told(ada) == [OPS]
    assert "not waiting" in resend(OPS)
    assert "not waiting" in resend("stranger@example.org")


def test_nobody_fills_foreign_mailboxes(ada, save):
    for number in range(ASKED_A_DAY_MAX):
        assert save(f"a{number}@example.org").status_code == 302
    answer = save("one@example.org, two@example.org")
    assert answer.status_code == 422
    assert "Too many addresses were asked today." in answer.content.decode()
    assert len(mail.outbox) == ASKED_A_DAY_MAX
    assert AlertSettings.objects.get().recipients == [f"a{ASKED_A_DAY_MAX - 1}@example.org"]
    earlier(86_401)
    assert save("one@example.org").status_code == 302


@pytest.fixture
def stop(ada, save):
    """The link that ends them, of a mail that came by it."""
    save(OPS)
    Client().post(link_of(mail.outbox[0]))
    assert told(ada) == [OPS]
    (message,) = mail.outbox
    (link,) = {link for link in links_in(message.body) if link.startswith("/alerts/stop/")}
    assert link in links_in(html_of(message))
    assert f"\nList-Unsubscribe: <{settings.SITE_URL}{link}>\n".encode() in message.message().as_bytes()
    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    return link


def test_the_link_of_a_mail_ends_them_and_begins_them_again(ada, stop, save):
    reader = Client(enforce_csrf_checks=True)  # Nobody's member, and not signed in.
    asked = text_of(reader.get(stop))
    assert f"End the alerts of {ada.organization.name}?" in asked and OPS in asked
    assert told(ada) == [OPS]  # A mail scanner that follows links ends nothing.
    alert_test(organization_id=ada.organization.id, by="ada@example.com")  # It waits to be sent.
    assert "have ended" in text_of(reader.post(stop))
    mail.outbox.clear()
    alerts_deliver()
    assert mail.outbox == []
    assert told(ada) == []
    assert "have ended" in text_of(reader.get(stop)) and "have ended" in text_of(reader.post(stop))
    html = page(ada)
    assert "Unsubscribed" in html and "Resend the link" not in html
    save("")
    save(OPS)  # Chosen anew, it is still not theirs to begin.
    assert told(ada) == []
    assert "End the alerts" in text_of(reader.post(stop, {"again": "1"}))
    assert told(ada) == [OPS]
    lines = [line for line in audit_list(organization_id=ada.organization.id) if line.target == OPS]
    assert [line.action for line in lines[:2]] == ["alerts.recipient_returned", "alerts.recipient_unsubscribed"]


def test_mail_programs_end_them_with_one_click(ada, stop):
    answer = Client(enforce_csrf_checks=True).post(stop, {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200  # No redirect: those that post don't follow one.
    assert told(ada) == []
    secret = stop.rpartition("/")[2]
    assert secret not in redact(f"POST {stop}")
    for other in (secret[:-1], f"1.{secret}", secret.replace(".", ".x"), "%00"):
        assert Client().get(f"/alerts/stop/{other}").status_code == 404


def test_a_member_gets_no_link_as_the_role_is_told(ada, stop):
    AlertSettings.objects.update(roles=["owner"], recipients=[])
    AlertAddress.objects.update(email="ada@example.com")  # As it is of somebody who became a member later.
    assert told(ada) == ["ada@example.com"]
    assert "List-Unsubscribe" not in mail.outbox[0].extra_headers
    assert "/alerts/stop/" not in mail.outbox[0].body


def test_another_organisation_asks_for_itself(ada, save):
    save(OPS)
    Client().post(link_of(mail.outbox[0]))
    bob = visitor("bob")
    AlertSettings.objects.create(organization_id=bob.organization.id, roles=[], recipients=[OPS])
    assert told(bob) == []
    assert told(ada) == [OPS]


@pytest.mark.parametrize("token", ["x", "%00", "x" * 500])
def test_a_link_that_is_none(client, token):
    assert client.get(f"/alerts/confirm/{token}").status_code == 404
    assert client.post(f"/alerts/confirm/{token}").status_code == 404


def test_who_got_alerts_before_gets_them_still(ada):
    AlertSettings.objects.create(organization_id=ada.organization.id, roles=[], recipients=[OPS])
    assert told(ada) == []
    migration = import_module("billing.migrations.0017_alert_addresses")
    migration.addresses_make(apps, None)
    migration.addresses_make(apps, None)
    assert told(ada) == [OPS]
