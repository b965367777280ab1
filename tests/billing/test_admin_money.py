"""Staff refund payments and give goodwill credit: previewed, with a reason, once, and only who may."""

from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.services import user_create
from billing.models import Refund, Transfer
from tests.billing.payments import USD
from tests.billing.test_stripe_money_out import spend


@pytest.fixture
def clerk(payments):
    """A member of staff who may look at payments."""
    user = user_create(email="clerk@example.com", password=None, verified=True)
    get_user_model().objects.filter(pk=user.pk).update(is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_topup"))
    client = Client()
    client.force_login(user)
    return client, user


def allow(clerk, *codenames):
    clerk[1].user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    clerk[0].force_login(clerk[1])


def page(topup, name):
    return reverse(f"admin:billing_topup_{name}", args=[topup.id])


def send(clerk, topup, name, amount, *, reason="asked by mail", once=None):
    fields = {"amount_usd": amount, "reason": reason, "once": once or uuid4()}
    return clerk[0].post(page(topup, name), fields)


def test_staff_refund_what_was_not_used_with_a_reason_once(payments, clerk):
    topup = payments.topped_up(20)
    spend(payments, 5)
    allow(clerk, "refund_topup")
    assert b"Refund\xe2\x80\xa6" in clerk[0].get(page(topup, "change")).content
    html = clerk[0].get(page(topup, "refund")).content.decode()
    for words in ("20.00 USD", "15.00 USD", "5.00 USD", "What will be written"):
        assert words in html
    once = uuid4()
    assert [send(clerk, topup, "refund", "8", once=once).status_code for _ in range(2)] == [302, 302]
    refund = Refund.objects.get()
    assert (refund.source, refund.reason, refund.status, refund.amount_cents) == (
        "staff",
        "asked by mail",
        "succeeded",
        800,
    )
    assert payments.dollars == 7
    assert LogEntry.objects.filter(change_message__contains="asked by mail", user=clerk[1]).exists()
    payments.told()
    payments.check()


@pytest.mark.parametrize(
    ("amount", "reason", "said"),
    [
        ("15.01", "x", "more than can go back"),
        ("-1", "x", "Choose an amount"),
        ("1.001", "x", "Cents are the smallest"),
        ("5 EUR", "x", "dollars and cents as digits"),
        ("5", "", "This field is required"),
    ],
)
def test_what_cannot_be_refunded_is_said_and_moves_nothing(payments, clerk, amount, reason, said):
    topup = payments.topped_up(20)
    spend(payments, 5)
    allow(clerk, "refund_topup")
    refused = send(clerk, topup, "refund", amount, reason=reason)
    assert (refused.status_code, said in refused.content.decode()) == (422, True)
    assert (Refund.objects.count(), payments.dollars) == (0, 15)


def test_one_form_is_one_refund(payments, clerk):
    topup, once = payments.topped_up(20), uuid4()
    allow(clerk, "refund_topup")
    send(clerk, topup, "refund", "8", once=once)
    assert b"sent before with other values" in send(clerk, topup, "refund", "9", once=once).content
    assert payments.dollars == 12


def test_goodwill_is_granted_credit_with_a_reason_once(payments, clerk):
    topup, once = payments.topped_up(20), uuid4()
    allow(clerk, "give_goodwill")
    for _ in range(2):
        assert send(clerk, topup, "goodwill", "7.50", reason="Sorry for Tuesday", once=once).status_code == 302
    given = Transfer.objects.get(kind="goodwill")
    assert (given.amount_nanos, given.reason) == (75 * USD // 10, "Sorry for Tuesday")
    assert payments.wallet().granted_nanos == 75 * USD // 10
    assert b"sent before" in send(clerk, topup, "goodwill", "9", once=once).content
    payments.check()


def test_each_needs_its_own_permission(payments, clerk):
    topup = payments.topped_up(20)
    assert b"Refund\xe2\x80\xa6" not in clerk[0].get(page(topup, "change")).content
    assert [send(clerk, topup, name, "5").status_code for name in ("refund", "goodwill")] == [403, 403]
    allow(clerk, "give_goodwill")
    assert [send(clerk, topup, name, "5").status_code for name in ("refund", "goodwill")] == [403, 302]
    assert (
        payments.host.client.get(page(topup, "refund")).status_code == 302
    )  # A customer is asked to sign in as staff.
    assert payments.dollars == 25
