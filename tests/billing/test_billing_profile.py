"""Whom receipts are made out to: asked for, checked, sent to Stripe, printed, kept; and receipts by mail."""

import smtplib
from uuid import uuid4

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client

from accounts.models import AuditEntry
from billing.models import BillingProfile, Topup
from billing.receipt_mails import receipts_mail, stop_token
from tests.api.programs import error_of, program
from tests.tokenoutput.pages import member, visitor
from tests.tokenoutput.test_mails import html_of, links_in

SCRIPT = "<script>alert(1)</script>"
ENGINES = {
    "name": "Analytical Engines GmbH",
    "line1": "Invalidenstraße 117",
    "line2": "Hof 2",
    "postal_code": "10115",
    "city": "Berlin",
    "region": "",
    "country": "DE",
    "tax_id": "DE123456789",
    "recipients": "books@example.org, Ada@Example.org",
}
PRINTED = ["Analytical Engines GmbH", "Invalidenstraße 117", "Hof 2", "10115 Berlin", "Germany", "DE123456789"]
REFUSED = {
    "name": ["x" * 101, "a\x00b", "Acme\u202eGmbH"],
    "line1": ["x" * 101],
    "postal_code": ["<b>", "x" * 21],
    "country": ["XX", ""],
    "tax_id": ["=1+1", SCRIPT, "1" * 41],
    "recipients": ["nobody", "a@example.org " * 3 + "b@b", ",".join(f"a{n}@example.org" for n in range(6))],
}


@pytest.fixture
def ada(payments):
    return payments.host


def page_of(who, page="billing/profile"):
    return " ".join(who.client.get(who.path(page)).content.decode().split())


def save(who, **changes):
    return who.client.post(who.path("billing/profile"), ENGINES | changes)


def lines():
    return AuditEntry.objects.filter(action="billing_profile.changed")


# --- asked for and checked ------------------------------------------------------------------------------------------


def test_it_is_asked_for_beside_the_first_payment_and_left_out_at_will(payments, ada):
    assert "Whom is the receipt made out to?" in page_of(ada, "billing")
    payments.topped_up(20)
    assert Topup.objects.get().billed_to is None
    html = page_of(ada, "billing")
    assert "Whom is the receipt made out to?" not in html
    assert "Receipt made out to" in html


def test_it_is_saved_once_with_a_line_in_the_audit_log(payments, ada):
    answer = save(ada, paying="1")
    assert answer["Location"] == ada.path("billing#topup")
    assert save(ada)["Location"] == ada.path("billing/profile")
    (line,) = lines()
    assert (line.user_id, line.details["tax_id"]) == (ada.user.pk, "DE123456789")
    assert line.details["recipients"] == "books@example.org, ada@example.org"
    assert "Whom is the receipt made out to?" not in page_of(ada, "billing")
    save(ada, city=" Potsdam ", tax_id="")
    assert lines().last().details == {"city": "Potsdam", "tax_id": "-"}
    assert 'value="Potsdam"' in page_of(ada)


def test_what_cannot_be_is_said_beside_its_field(ada):
    for name, values in REFUSED.items():
        for value in values:
            answer = save(ada, **{name: value})
            html = answer.content.decode()
            assert answer.status_code == 422, (name, value)
            assert "One thing needs your attention" in html, (name, value)
            assert f'id="id_{name}_error"' in html, (name, value)
            assert f'href="#id_{name}"' in html, (name, value)
            assert SCRIPT not in html
    assert not BillingProfile.objects.filter(name__gt="").exists()
    assert save(ada, name=SCRIPT, city="=1+1").status_code == 302  # Odd, but somebody may be called so.
    assert SCRIPT not in page_of(ada)


@pytest.mark.parametrize(("role", "may"), [("viewer", False), ("developer", False), ("billing", True), ("admin", True)])
def test_who_may_change_it(ada, role, may):
    save(ada)
    bo = member(ada, role=role)
    assert ("Save billing details" in page_of(bo)) is may
    assert "Analytical Engines GmbH" in page_of(bo)
    assert save(bo, city="Potsdam").status_code == (302 if may else 403)
    assert ("Potsdam" in page_of(ada)) is may


# --- where it is used -----------------------------------------------------------------------------------------------


def test_stripe_and_every_document_say_it(payments, ada):
    save(ada)
    topup = payments.start(20)
    checkout = Client().get(f"/stripe-simulator/checkout/{topup.session_id}").content.decode()
    payments.bank.session_pay(topup.session_id)
    payments.told()
    invoice = Client().get(ada.client.get(ada.path(f"billing/payments/{topup.id}/receipt"))["Location"])
    pages = [page_of(ada, f"billing/receipts/{topup.id}"), page_of(ada, f"billing/statement/{topup.created_at:%Y-%m}")]
    (customer,) = payments.bank.newest("customer")
    assert customer["address"]["postal_code"] == "10115"
    for words in PRINTED:
        for page in pages:
            assert words in page, words
    for words in (*PRINTED[:4], "DE", "Tax id: DE123456789"):
        assert words in checkout, words
        assert words in invoice.content.decode(), words


def test_details_that_were_taken_away_are_taken_from_stripe_too(payments, ada):
    save(ada)
    payments.topped_up(20)
    save(ada, **dict.fromkeys(ENGINES, ""))
    payments.start(20)
    (customer,) = payments.bank.newest("customer")
    assert (customer["name"], customer["address"]) == (ada.organization.name, None)


def test_one_payment_stays_one_when_the_details_change_meanwhile(payments, ada):
    """Whoever goes back, changes the details and presses again with the form of before."""
    save(ada)
    topup_id = uuid4()
    first = payments.start(20, topup_id=topup_id)
    save(ada, tax_id="DE999999999")
    assert payments.start(20, topup_id=topup_id).session_id == first.session_id


def test_a_receipt_keeps_what_it_said(payments, ada):
    bare = payments.topped_up(10)
    save(ada)
    kept = payments.topped_up(20)
    save(ada, name="Difference Engines AG")
    assert "Analytical Engines GmbH" in page_of(ada, f"billing/receipts/{kept.id}")
    assert "Difference Engines AG" in page_of(ada, f"billing/receipts/{bare.id}")


def test_automatic_top_ups_keep_it_too(payments, ada):
    save(ada)
    payments.topped_up(20, save_card=True)
    terms = {"threshold_usd": "50", "topup_usd": "20", "monthly_cap_usd": "100"}
    assert ada.client.post(ada.path("billing/automatic"), terms).status_code == 302
    from billing.auto_topups import auto_topups_run  # noqa: PLC0415 -- as the worker does

    auto_topups_run()
    kept = Topup.objects.get(kind="auto").billed_to
    assert kept
    assert kept["tax_id"] == "DE123456789"


# --- by mail --------------------------------------------------------------------------------------------------------


def test_each_payment_is_mailed_once_to_whom_it_names_until_they_end_it(payments, ada):
    save(ada)
    payments.topped_up(20)
    receipts_mail()
    receipts_mail()
    assert [message.to for message in mail.outbox] == [["books@example.org"], ["ada@example.org"]]
    message = mail.outbox[0]
    html = html_of(message)
    for words in ("Analytical Engines GmbH, Invalidenstraße 117", "DE123456789", "$20.00"):
        assert words in html, words
        assert words in message.body, words
    invoice, stop = links_in(html)
    assert links_in(message.body) == [invoice, stop]
    assert b"$20.00" in Client().get(invoice).content
    reader = Client(enforce_csrf_checks=True)  # A mail program presses it without having seen the page.
    assert b"Get no more receipts?" in reader.get(stop).content
    assert stop in message.extra_headers["List-Unsubscribe"]
    assert b"No more receipts come" in reader.post(stop, {"List-Unsubscribe": "One-Click"}).content
    payments.topped_up(30)
    receipts_mail()
    assert [message.to for message in mail.outbox[2:]] == [["ada@example.org"]]
    assert AuditEntry.objects.get(action="billing_profile.recipient_stopped").target == "books@example.org"


def test_a_mail_server_or_stripe_away_is_tried_again(payments, ada, monkeypatch):
    save(ada)
    payments.topped_up(20)
    with monkeypatch.context() as away:
        away.setattr(EmailBackend, "send_messages", lambda *_: (_ for _ in ()).throw(smtplib.SMTPException("away")))
        assert receipts_mail() == 0
    payments.http.accidents.extend(["lost"] * 3)
    assert receipts_mail() == 0
    assert mail.outbox == []
    assert receipts_mail() == 1
    assert len(mail.outbox) == 2


def test_who_asks_for_none_gets_none_and_old_payments_are_let_be(payments, ada):
    payments.topped_up(20)
    receipts_mail()
    save(ada)
    with payments.later(days=2):
        receipts_mail()
    assert mail.outbox == []


def test_a_link_of_nobody_ends_nothing(ada):
    save(ada)
    token = stop_token(organization_id=ada.organization.id, email="books@example.org")
    for wrong in ("x", token[:-1], token.replace(":", ";")):
        assert Client().post(f"/receipts/stop/{wrong}").status_code == 404
    assert len(BillingProfile.objects.get().recipients) == 2


# --- by the API -----------------------------------------------------------------------------------------------------


def test_the_api_reads_and_changes_it(ada):
    asking = program(ada)
    assert asking.data("organization")["billing_profile"] == dict.fromkeys(set(ENGINES) - {"recipients"}, "") | {
        "recipients": []
    }
    body = {"billing_profile": ENGINES | {"recipients": ["books@example.org"]}}
    for _ in range(2):
        answer = asking.ask("patch", "organization", body)
        assert answer.json()["data"]["billing_profile"] == body["billing_profile"]
    assert lines().get().details["via"] == "management key “ci”"
    part = asking.ask("patch", "organization", {"billing_profile": {"line2": "", "country": "at"}}).json()["data"]
    assert (part["billing_profile"]["country"], part["billing_profile"]["line2"]) == ("AT", "")
    assert part["billing_profile"]["recipients"] == ["books@example.org"]
    assert part["name"] == ada.organization.name


@pytest.mark.parametrize(
    ("profile", "field"),
    [
        ({"country": "XX"}, "country"),
        ({"city": "Berlin"}, "country"),
        ({"name": "a\u202eb"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"tax_id": "=1"}, "tax_id"),
        ({"vat": "1"}, "vat"),
        ({"recipients": ["nobody"]}, "recipients.0"),
        ({"recipients": ["a@example.org"] * 6}, "recipients"),
    ],
)
def test_the_api_says_what_cannot_be_and_changes_nothing(ada, profile, field):
    asking = program(ada)
    answer = asking.ask("patch", "organization", {"name": "Other", "billing_profile": profile})
    assert answer.status_code == 422
    assert list(error_of(answer)["fields"]) == [f"billing_profile.{field}"]
    assert asking.data("organization")["name"] == ada.organization.name


def test_another_organisations_details_are_its_own(ada):
    save(ada)
    eve = visitor("eve")
    assert eve.client.get(ada.path("billing/profile")).status_code == 404
    assert "Analytical" not in page_of(eve)
    assert program(eve).data("organization")["billing_profile"]["name"] == ""
