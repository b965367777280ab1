"""Alerts: raised once when it gets worse, armed again when it is well, delivered once to everyone who is to be told."""

import hashlib
import hmac
import json
import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.core import mail
from django.utils import timezone

from accounts.services import api_key_create
from billing import ledger
from billing.alert_conditions import alerts_evaluate
from billing.alert_deliveries import PAUSES_SECONDS, alerts_deliver
from billing.alert_models import Alert, AlertAddress, AlertDelivery, AlertSettings
from billing.alert_texts import alert_text
from billing.alerts import alert_test, deliveries_list, topup_failed, topup_recovered
from billing.budgets import budgets_set
from billing.limits import limit_remove, limit_set
from billing.webhook_models import Webhook
from billing.webhook_post import WebhookFailed, webhook_post, webhook_url_check
from catalog.addresses import AddressRefused
from tests.billing.test_admin import DjangoBooks
from tests.tokenoutput.pages import member, visitor
from tokenoutput.docs_tables import ALERT_EVENT

pytestmark = pytest.mark.django_db
USD = 1_000_000_000


@pytest.fixture
def ada():
    """Somebody with $5 on the wallet."""
    return visitor()


@pytest.fixture
def wallet(ada):
    return ledger.wallet_open(organization_id=ada.organization.id)


def spend(wallet, usd, **more):
    books = DjangoBooks()
    request = books.hold(wallet, usd, **more)
    assert books.finish(request, wallet, usd)[0] == "charged"


def credit(ada, usd, key):
    ledger.wallet_credit(
        organization_id=ada.organization.id, amount_nanos=round(usd * USD), key=key, kind="correction", reason=""
    )


def said(ada):
    """(kind, level) of every alert of the organisation, in order."""
    alerts = Alert.objects.filter(organization_id=ada.organization.id).order_by("id")
    return list(alerts.values_list("kind", "level"))


def test_a_low_balance_is_said_once_until_it_was_well_again(ada, wallet):
    AlertSettings.objects.create(organization_id=ada.organization.id, low_balance_nanos=2 * USD)
    assert alerts_evaluate() == 0  # $5: well, and watched from now on
    spend(wallet, 3.5)
    assert alerts_evaluate() == 1
    assert alerts_evaluate() == 0
    credit(ada, 0.6, "a little")  # $2.10: above the threshold of $2, not 10 % above
    alerts_evaluate()
    spend(wallet, 0.5)
    assert alerts_evaluate() == 0
    spend(wallet, 1.595)
    assert alerts_evaluate() == 1  # nothing left: worse, and said
    credit(ada, 10, "enough")
    assert alerts_evaluate() == 0
    spend(wallet, 9)
    assert alerts_evaluate() == 1
    assert said(ada) == [("low_balance", 1), ("low_balance", 3), ("low_balance", 1)]
    assert Alert.objects.latest("id").facts == {"balance_usd": "1.005", "threshold_usd": "2.00"}


def test_a_threshold_of_ones_own_and_what_is_switched_off(ada, wallet):
    AlertSettings.objects.create(organization_id=ada.organization.id, low_balance_nanos=4 * USD, unusual_spend=False)
    alerts_evaluate()
    spend(wallet, 1.5)
    assert alerts_evaluate() == 1
    AlertSettings.objects.update(low_balance=False)
    spend(wallet, 3.5)
    alerts_evaluate()
    assert said(ada) == [("low_balance", 1)]


def test_a_limit_near_its_end_and_at_it(ada, wallet):
    organization_id = ada.organization.id
    key = api_key_create(organization_id=organization_id, name="ci").id
    AlertSettings.objects.create(organization_id=organization_id, low_balance=False)
    limit = limit_set(organization_id=organization_id, api_key_id=key, period="daily", amount_nanos=USD)
    spend(wallet, 0.79, key=key)
    assert alerts_evaluate() == 0
    spend(wallet, 0.01, key=key)
    assert (alerts_evaluate(), alerts_evaluate()) == (1, 0)
    spend(wallet, 0.195, key=key)
    assert (alerts_evaluate(), alerts_evaluate()) == (1, 0)
    facts = Alert.objects.latest("id").facts
    assert {name: facts[name] for name in ("of", "name", "spent_usd", "limit_usd", "period", "percent")} == {
        "of": "API key",
        "name": "ci",
        "spent_usd": "0.995",
        "limit_usd": "1.00",
        "period": "daily",
        "percent": "99",
    }
    # A new day: nothing is spent in it, and the next 80 % are said again.
    back = "UPDATE spending_limit SET window_start = window_start - interval '1 day' WHERE id = %s"
    DjangoBooks().connection.execute(back, [limit])
    assert alerts_evaluate() == 0
    spend(wallet, 0.85, key=key)
    assert alerts_evaluate() == 1
    assert said(ada) == [("key_limit", 80), ("key_limit", 100), ("key_limit", 80)]
    limit_remove(organization_id=organization_id, limit_id=limit)
    assert alerts_evaluate() == 0


def test_a_large_limit_is_not_reached_while_a_dollar_is_left(ada, wallet):
    """99 % of a large amount is not all of it: what fits into the rest goes on."""
    AlertSettings.objects.create(organization_id=ada.organization.id, low_balance=False)
    credit(ada, 500, "much")
    budgets_set(organization_id=ada.organization.id, amounts_nanos={"monthly": 100 * USD})
    spend(wallet, 99)
    assert alerts_evaluate() == 1
    facts = Alert.objects.get().facts
    assert (facts["of"], facts["percent"], facts["left_usd"]) == ("organisation", "99", "1.00")
    text = alert_text(kind="key_limit", level=80, facts=facts)
    assert text.title == "Your organisation has used 99 % of its spending limit"
    assert text.page == "billing"
    assert "more than the $1.00 that are left" in text.body
    spend(wallet, 0.995)
    assert alerts_evaluate() == 1
    assert said(ada) == [("key_limit", 80), ("key_limit", 100)]


def test_a_members_cap_names_the_member(ada, wallet):
    AlertSettings.objects.create(organization_id=ada.organization.id, low_balance=False)
    member_id = ada.organization.member_id
    limit_set(organization_id=ada.organization.id, member_id=member_id, period="total", amount_nanos=USD)
    spend(wallet, 1, member=member_id)
    assert alerts_evaluate() == 1
    facts = Alert.objects.get().facts
    assert (facts["of"], facts["name"], facts["resets_at"]) == ("member", "ada@example.com", "never")


def test_unusual_spend_is_measured_against_the_last_week(ada, wallet):
    AlertSettings.objects.create(
        organization_id=ada.organization.id, low_balance=False, unusual_floor_nanos=USD, unusual_factor=3
    )
    books = DjangoBooks()
    # 168 usual hours of $0.50 each, made of one long row in the past: only the sum counts.
    hourly = (
        "INSERT INTO usage_hourly (hour, wallet_id, api_key_id, member_id, model_id, route_id, client_protocol,"
        " requests, input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens,"
        " reasoning_tokens, charge_nanos, write_off_nanos, cost_nanos)"
        " VALUES (date_trunc('hour', now()) - %s * interval '1 hour', %s, 1, 0, 7, 0, 'x',"
        " 1, 0, 0, 0, 0, 0, 0, %s, 0, 0)"
    )
    books.connection.execute(hourly, [100, wallet, 84 * USD])
    spend(wallet, 1.4)
    books.settle()
    assert alerts_evaluate() == 0  # above the floor, not above 3 x 0.50
    spend(wallet, 0.2)
    books.settle()
    assert (alerts_evaluate(), alerts_evaluate()) == (1, 0)
    facts = Alert.objects.get().facts
    assert facts == {"hour_usd": "1.60", "usual_usd": "0.50", "factor": "3"}
    # The next hours: this one becomes the last, which was unusual; only after a quiet one it is armed again.
    move = "UPDATE usage_hourly SET hour = hour - interval '1 hour' WHERE wallet_id = %s"
    books.connection.execute(move, [wallet])
    spend(wallet, 2.5)
    books.settle()
    assert alerts_evaluate() == 0
    for _ in range(2):
        books.connection.execute(move, [wallet])
        assert alerts_evaluate() == 0
    credit(ada, 5, "more")
    spend(wallet, 4)
    books.settle()
    assert alerts_evaluate() == 1


def test_a_failed_top_up_is_said_once_and_once_more_when_switched_off(ada):
    failure = {"organization_id": ada.organization.id, "amount_nanos": 25 * USD, "reason": "card_declined"}
    assert [topup_failed(**failure, switched_off=False) for _ in range(3)] == [True, False, False]
    assert [topup_failed(**failure, switched_off=True) for _ in range(2)] == [True, False]
    topup_recovered(organization_id=ada.organization.id)
    assert topup_failed(**failure, switched_off=False)
    assert said(ada) == [("topup_failed", 1), ("topup_failed", 2), ("topup_failed", 1)]


# --- Delivery -------------------------------------------------------------------------------------------------------


def test_mail_goes_to_the_chosen_roles_in_text_and_html(ada):
    member(ada, role="billing", name="bill")
    member(ada, role="viewer", name="vi")
    AlertSettings.objects.create(organization_id=ada.organization.id, roles=["owner", "billing"])
    assert alert_test(organization_id=ada.organization.id, by="ada@example.com") == 2
    assert alerts_deliver() == 2
    assert alerts_deliver() == 0
    assert sorted(to for message in mail.outbox for to in message.to) == ["ada@example.com", "bill@example.com"]
    message = mail.outbox[0]
    assert isinstance(message, mail.EmailMultiAlternatives)
    assert message.subject == f"Test of your alerts ({ada.organization.name})"
    ((html, kind),) = message.alternatives
    assert kind == "text/html"
    for words in ("Alerts for your organisation arrive here.", "/app/ada/alerts", "ada@example.com"):
        assert words in message.body
        assert words in str(html)
    assert {row.state for row in deliveries_list(organization_id=ada.organization.id)} == {"sent"}


def test_further_addresses_are_told_too_and_nobody_twice(ada):
    AlertSettings.objects.create(organization_id=ada.organization.id, recipients=["ops@example.org", "ada@example.com"])
    AlertAddress.objects.create(
        organization_id=ada.organization.id,
        email="ops@example.org",
        sent_at=timezone.now(),
        expires_at=timezone.now(),
        confirmed_at=timezone.now(),
    )
    assert alert_test(organization_id=ada.organization.id, by="ada@example.com") == 2
    assert alerts_deliver() == 2
    assert sorted(to for message in mail.outbox for to in message.to) == ["ada@example.com", "ops@example.org"]


def test_names_do_not_become_html(ada, wallet):
    key = api_key_create(organization_id=ada.organization.id, name="<img src=x>\u2028").id
    limit_set(organization_id=ada.organization.id, api_key_id=key, period="total", amount_nanos=USD)
    spend(wallet, 1, key=key)
    alerts_evaluate()
    alerts_deliver()
    (message,) = [message for message in mail.outbox if "spending limit" in message.subject]
    assert isinstance(message, mail.EmailMultiAlternatives)
    assert "<img" not in str(message.alternatives[0][0])
    assert "<img src=x>" in message.body


@contextmanager
def listener(*statuses):
    """A customer's server: (headers, body) of each request, answered in turn."""
    got, answers = [], iter(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append((self.headers, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(next(answers, 200))
            self.send_header("location", "http://127.0.0.1:1/")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Not on the tests' output."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook?team=1", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def webhook_of(ada, url):
    AlertSettings.objects.create(organization_id=ada.organization.id, roles=[])
    kinds = ["low_balance"]
    return Webhook.objects.create(organization_id=ada.organization.id, url=url, secret="whsec_test", kinds=kinds)


def due(seconds):
    AlertDelivery.objects.update(due_at=timezone.now() - timedelta(seconds=seconds))


def test_a_webhook_is_signed_and_tried_again_until_it_is_taken(ada, settings):
    settings.DEBUG = True
    with listener(500, 302, 204) as (url, got):
        webhook_of(ada, url)
        alert_test(organization_id=ada.organization.id, by="ada@example.com")
        for pause in PAUSES_SECONDS[:2]:
            assert alerts_deliver() == 0
            row = AlertDelivery.objects.get()
            assert row.state == "waiting"
            assert abs((row.due_at - timezone.now()).total_seconds() - pause) < 5
            assert alerts_deliver() == 0  # not due yet: nothing is sent
            due(1)
        assert alerts_deliver() == 1
    assert len(got) == 3
    headers, body = got[0]
    stamp, _, signed = headers["TokenOutput-Signature"].removeprefix("t=").partition(",v1=")
    assert hmac.new(b"whsec_test", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest() == signed
    assert abs(int(stamp) - timezone.now().timestamp()) < 30
    event = json.loads(body)
    assert (event["type"], event["organization"]["slug"]) == ("alert.test", "ada")
    assert set(event) == set(json.loads(ALERT_EVENT))  # as the docs say
    assert {headers["TokenOutput-Event"] for headers, _ in got} == {event["id"]}
    assert "whsec_test" not in body.decode() + str(headers)


def test_after_the_last_try_it_is_given_up_and_says_why(ada, settings):
    settings.DEBUG = True
    with listener(*[503] * 9) as (url, got):
        webhook_of(ada, url)
        alert_test(organization_id=ada.organization.id, by="x")
        for _ in range(len(PAUSES_SECONDS) + 2):
            alerts_deliver()
            due(1)
    (row,) = deliveries_list(organization_id=ada.organization.id)
    assert (row.state, row.last_error, row.attempts) == ("given_up", "It answered 503.", len(PAUSES_SECONDS) + 1)
    assert len(got) == len(PAUSES_SECONDS) + 1


def test_mails_go_before_webhooks(ada, settings):
    settings.DEBUG = True
    seen = []
    with listener() as (url, got):
        Webhook.objects.create(organization_id=ada.organization.id, url=url, secret="whsec_test", kinds=["low_balance"])
        alert_test(organization_id=ada.organization.id, by="x")
        AlertDelivery.objects.filter(channel="webhook").update(due_at=timezone.now() - timedelta(hours=1))
        send = mail.EmailMultiAlternatives.send

        def send_noted(self, **_):
            seen.append(len(got))
            return send(self)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mail.EmailMultiAlternatives, "send", send_noted)
            assert alerts_deliver() == 2
    assert (seen, len(got)) == ([0], 1)


@pytest.mark.parametrize("end", ["pause", "remove"])
def test_what_was_paused_or_removed_gets_nothing(ada, settings, end):
    settings.DEBUG = True
    with listener() as (url, got):
        webhook = webhook_of(ada, url)
        alert_test(organization_id=ada.organization.id, by="x")
        assert ada.client.post(ada.path(f"webhooks/{webhook.public_id}/{end}")).status_code == 302
        assert alerts_deliver() == 0
        due(1)
        assert alerts_deliver() == 0
    assert got == []
    (row,) = deliveries_list(organization_id=ada.organization.id)
    assert (row.state, row.last_error) == ("given_up", f"The webhook was {end}d.")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "https://127.0.0.1/",
        "https://10.0.0.8/hook",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://2130706433/",
        "https://intranet/",
        "https://user:pass@example.com/",
        "https://example.com/#x",
        "https://example.com/?a b",
        "ftp://example.com/",
    ],
)
def test_private_and_odd_addresses_are_refused_when_typed(url):
    with pytest.raises(AddressRefused):
        webhook_url_check(url, loopback_allowed=False)


def test_a_name_that_leads_home_is_refused_when_sent():
    """What was public when it was typed may resolve to something else: it is looked at again, at the connection."""
    assert webhook_url_check("https://hooks.example.com/a?b=c", loopback_allowed=False)
    for url in ("http://127.0.0.1:9/", "https://localhost/"):
        with pytest.raises(WebhookFailed, match="The address"):
            webhook_post(url=url, body=b"", headers={}, loopback_allowed=False)
    for url in ("http://10.1.2.3/", "http://192.168.0.1/"):  # DEBUG lets loopback through, and nothing else
        with pytest.raises(WebhookFailed, match="The address"):
            webhook_post(url=url, body=b"", headers={}, loopback_allowed=True)


def test_a_resolved_private_address_is_refused(monkeypatch):
    answer = [(2, 1, 6, "", ("8.8.8.8", 443)), (2, 1, 6, "", ("10.0.0.1", 443))]
    monkeypatch.setattr("billing.webhook_post.socket.getaddrinfo", lambda *_, **__: answer)
    with pytest.raises(WebhookFailed, match="private, loopback or reserved"):
        webhook_post(url="https://hooks.example.com/", body=b"", headers={}, loopback_allowed=True)
