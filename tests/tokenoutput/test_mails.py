"""Every mail in text and in HTML of one look, nothing loaded from afar, and each of its links leads where it says."""

import re

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client
from django.urls import reverse

from billing.alert_deliveries import alerts_deliver
from billing.alerts import alert_raise, alert_test
from tests.tokenoutput.pages import visitor

pytestmark = pytest.mark.django_db
LIMIT = {
    "name": "ci",
    "period": "daily",
    "limit_usd": "1.00",
    "spent_usd": "0.85",
    "left_usd": "0.15",
    "percent": "85",
    "resets_at": "2026-12-01T00:00:00+00:00",
}
ALERTS = {
    "low_balance": ({"balance_usd": "1.00", "threshold_usd": "5.00"}, "Billing"),
    "key_limit": (LIMIT | {"of": "API key"}, "API keys"),
    "topup_failed": ({"amount_usd": "20.00", "reason": "card_declined", "auto_topup": "off"}, "Billing"),
    "unusual_spend": ({"hour_usd": "9.00", "usual_usd": "0.50", "factor": "5"}, "Usage"),
}


def html_of(message):
    ((html, kind),) = message.alternatives
    assert kind == "text/html"
    assert '<p class="brand">TokenOutput</p>' in html
    assert not re.search(r"<img|<script|<link|url\(|src=", html)
    assert "{{" not in html + message.body
    assert "{%" not in html + message.body
    return html


def links_in(text):
    """Paths of our own, in order."""
    return re.findall(rf"{re.escape(settings.SITE_URL)}(/[^\s\"<]+)", text)


@pytest.mark.parametrize("level", [1, 2, 80, 100])
@pytest.mark.parametrize("kind", [*ALERTS, "budget"])
def test_the_links_of_every_alert(kind, level):
    ada = visitor()
    facts, heading = ALERTS.get(kind) or (LIMIT | {"of": "organisation", "name": ""}, "Billing")
    kind = "key_limit" if kind == "budget" else kind
    assert alert_raise(organization_id=ada.organization.id, kind=kind, level=level, facts=facts)
    assert alerts_deliver() == 1
    (message,) = mail.outbox
    html = html_of(message)
    assert links_in(message.body) == list(dict.fromkeys(links_in(html)))
    first, second = (ada.client.get(link) for link in links_in(message.body))
    assert f"<h1>{heading}</h1>" in first.content.decode()
    assert "<h1>Alerts</h1>" in second.content.decode()
    assert Client().get(links_in(html)[0]).status_code == 302  # Whoever is signed out is led to the sign-in.


def test_the_links_of_a_test():
    ada = visitor()
    alert_test(organization_id=ada.organization.id, by="ada@example.com")
    alerts_deliver()
    (message,) = mail.outbox
    assert {ada.client.get(link).status_code for link in links_in(html_of(message))} == {200}


def test_a_code_stands_out_and_the_mail_says_who_we_are(client):
    client.post(
        reverse("account_signup"),
        {"email": "new@example.com", "password1": "correct horse battery", "password2": "correct horse battery"},
    )
    (message,) = mail.outbox
    code = re.findall(r'<p class="code">([A-Z0-9-]+)</p>', html_of(message))
    assert len(code) == 1
    assert code[0] in message.body
    assert message.body.strip().endswith(f"TokenOutput\n{settings.SITE_URL}")
    assert "Hello from" not in message.body
    assert "example.com!" not in message.body


def test_a_reset_is_the_same_look(client):
    visitor()
    client.post(reverse("account_reset_password"), {"email": "ada@example.com"})
    (message,) = mail.outbox
    html_of(message)
