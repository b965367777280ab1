"""Paying, in a browser: every page of it in light and dark, and without scripts."""

import re
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import override_settings

from billing.auto_topups import auto_topup_set
from billing.simulator.bank import Bank
from billing.simulator.store import Store
from billing.topups import Buyer, topup_returned, topup_start
from tests.browser.conftest import log_in
from tests.browser.test_every_page import look as look  # the fixture
from tests.tokenoutput.pages import visitor

# A browser that goes on to the next page drops files half read; the server's objects then warn that they were open.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def paying(filled):
    """Somebody who has paid, with a saved card that is charged by itself; and a payment that takes days."""
    organization = filled.organization
    buyer = Buyer(organization.id, organization.slug, organization.name, filled.user.pk, filled.user.email)
    with override_settings(DEBUG=True):
        bank = Bank(Store(settings.STRIPE_SIMULATOR_FILE))
        sessions = []
        for how in ("pay", "delayed"):
            address = topup_start(buyer=buyer, topup_id=uuid4(), amount_cents=2000, save_card=True)
            sessions.append(address.rsplit("/", 1)[1])
            bank.session_pay(sessions[-1], how)
            topup_returned(organization_id=organization.id, session_id=sessions[-1])
        auto_topup_set(
            organization_id=organization.id,
            threshold_cents=500,
            amount_cents=2000,
            monthly_cap_cents=10_000,
            by_user_id=filled.user.pk,
        )
    return filled, sessions


@override_settings(DEBUG=True)
def test_pages_of_payments(site, context, page, look, paying):
    host, (paid, late) = paying
    log_in(context, site, host)
    page.goto(site + host.path("billing"))
    page.get_by_text("Automatic top-ups are on").wait_for()
    look("billing-paying")
    page.get_by_role("link", name=re.compile("^Refund of")).first.click()
    page.get_by_role("heading", name="Refund a top-up").wait_for()
    look("refund")
    page.goto(site + host.path("billing/receipts"))
    page.get_by_role("link", name=re.compile("^R?P-")).last.click()
    page.get_by_role("heading", name=re.compile("^Receipt P-")).wait_for()
    look("receipt")
    for name, session_id in (("paid", paid), ("late", late)):
        page.goto(site + host.path(f"billing/return?session_id={session_id}"))
        look(f"return-{name}")
    page.goto(site + host.path("billing"))
    page.get_by_role("button", name="Continue to payment").click()
    page.get_by_role("button", name=re.compile("^Pay \\$20")).wait_for()
    look("simulator-checkout")
    page.get_by_role("button", name="Leave without paying").click()
    page.get_by_text("Nothing was charged").wait_for()
    look("return-unpaid")
    page.goto(f"{site}/stripe-simulator/")
    look("simulator-account")


@override_settings(DEBUG=True)
def test_before_the_first_payment(site, context, page, look, database):
    host = visitor(uuid4().hex[:12])
    log_in(context, site, host)
    page.goto(site + host.path("billing"))
    page.get_by_role("heading", name="Whom is the receipt made out to?").wait_for()
    page.get_by_role("link", name="$50", exact=True).click()
    page.get_by_text("$50.00").nth(1).wait_for()
    look("billing-first")
    page.get_by_label("City").fill("Berlin")
    page.get_by_label("Tax id").fill("?")
    page.get_by_role("button", name="Save billing details").click()
    page.get_by_text("2 things need your attention").wait_for()
    look("billing-profile-refused")
    page.get_by_label("Company or name").fill("Analytical Engines GmbH")
    page.get_by_label("Country").select_option("Germany")
    page.get_by_label("Tax id").fill("DE123456789")
    page.get_by_role("button", name="Save billing details").click()
    page.get_by_text("Analytical Engines GmbH").last.wait_for()
    look("billing-profile-saved")


@override_settings(DEBUG=True)
def test_paying_and_getting_it_back_without_scripts(site, scriptless, fresh):
    log_in(scriptless, site, fresh)
    page = scriptless.new_page()
    page.goto(site + fresh.path("billing"))
    page.get_by_label("Amount in US dollars").fill("12.50")
    page.get_by_label("Save this card").check()
    page.get_by_role("button", name="Continue to payment").click()
    page.get_by_role("button", name="Pay $12.50", exact=True).click()
    page.get_by_text("$12.50 added to your balance.").wait_for()
    page.get_by_role("link", name="Back to billing").click()

    page.get_by_role("button", name="Switch on").click()
    page.get_by_text("Automatic top-ups are on.").wait_for()
    page.get_by_role("button", name="Switch off").click()
    page.get_by_text("Automatic top-ups are off.").wait_for()
    page.get_by_role("button", name="Remove card").click()
    page.get_by_text("The card is removed").wait_for()

    page.get_by_role("link", name=re.compile("^Receipt of")).click()
    page.get_by_role("link", name="Invoice at Stripe").click()
    page.get_by_role("heading", name="Receipt: $12.50").wait_for()
    page.goto(site + fresh.path("billing"))
    page.get_by_role("link", name=re.compile("^Refund of")).click()
    assert page.get_by_label("Amount to refund").input_value() == "12.50"
    page.get_by_role("button", name="Refund").click()
    page.get_by_text("$12.50 is on its way back to your card.").wait_for()
    assert page.get_by_role("cell", name="Refunded").first.is_visible()
