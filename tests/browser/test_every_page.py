"""Every page in light and dark, on a desk and on a phone: quiet console, no side scroll, accessible; seen."""

import re
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files
from uuid import uuid4

import pytest
from django.conf import settings
from django.core import mail
from django.test import override_settings
from django.utils import timezone

from billing.alert_settings import alert_choices_get, alert_choices_set
from billing.alert_unsubscribes import unsubscribe_link
from catalog.models import Incident, Model
from tests.browser.conftest import ARTIFACTS, log_in
from tests.browser.page_list import DASHBOARD, PUBLIC
from tests.tokenoutput.pages import member

# A browser that goes on to the next page drops files half read; the server's objects then warn that they were open.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning")
AXE = files("pytest_playwright_axe").joinpath("resources/axe.js").read_text()
# Only what is wrong, and nothing fetched again: half the time of the package's own door.
BREACHES = """rules => axe.run(document, { ...rules, resultTypes: ["violations"], preload: false, iframes: false })
  .then(found => found.violations.map(one => [one.id, one.nodes[0].html]))"""
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
PICTURE_HEIGHT_MAX = 10_000
SCHEMES = ("light", "dark")
# What is looked at, in the order of least change: structure differs by width, colours by scheme.
VIEWS = (
    ("light", 1280, RULES),
    ("light", 390, None),
    ("light", 320, RULES),
    ("dark", 320, None),
    ("dark", 1280, COLOURS),
)


@pytest.fixture
def look(page, complaints):
    """One page in both schemes at every width: what a person would see, and what a person could not use."""

    def look_at(name):
        page.wait_for_load_state()
        _hear_out(page)
        page.evaluate(AXE)
        for scheme, width, rules in VIEWS:
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), width
            assert complaints == []
            complaints.tools_ran = True
            _photograph(page, ARTIFACTS / f"{name}-{scheme}-{width}.png", width)
            if rules:
                assert page.evaluate(BREACHES, rules) == []
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 800})

    return look_at


def _photograph(page, path, width):
    """Down to where nobody looks at a picture any more: a reference of every operation is 40 screens long."""
    height = min(page.evaluate("document.documentElement.scrollHeight"), PICTURE_HEIGHT_MAX)
    page.screenshot(path=path, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height})


def _hear_out(page):
    """Console messages come in order, and late: once this one is here, so are all before it."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    with page.expect_console_message(lambda message: message.text == "heard out"):
        page.evaluate("console.debug('heard out')")


@pytest.mark.parametrize("name", PUBLIC)
def test_public_pages(site, page, look, filled, name):
    page.goto(site + PUBLIC[name])
    look(name)


def test_a_model_has_a_page(site, page, look, filled):
    page.goto(site + "/models")
    page.locator(".catalog-id a").first.click()
    page.get_by_role("link", name="Examples with this model").wait_for()
    look("model")


@pytest.mark.parametrize("name", DASHBOARD)
@pytest.mark.parametrize("who", ["filled", "fresh"])
def test_the_dashboard(site, context, page, look, request, who, name):
    host = request.getfixturevalue(who)
    log_in(context, site, host)
    page.goto(site + host.path(DASHBOARD[name]))
    look(f"{name}-{who}")


def test_a_request_has_a_page(site, context, page, look, filled):
    log_in(context, site, filled)
    page.goto(site + filled.path("requests?outcome=completed"))
    page.locator("tbody a").first.click()
    page.get_by_role("heading", name="What it cost").wait_for()
    look("request")


def test_a_webhook_has_a_page(site, context, page, look, filled):
    log_in(context, site, filled)
    page.goto(site + filled.path("webhooks"))
    page.get_by_role("link", name="hooks.example.com").click()
    page.get_by_role("button", name="Send test").wait_for()
    look("webhook")
    page.get_by_role("button", name="Remove webhook").click()
    page.get_by_role("heading", name="Remove the webhook to hooks.example.com?").wait_for()
    look("webhook-remove")
    page.get_by_role("button", name="Keep it").click()
    page.get_by_role("button", name="Rotate secret").click()
    page.get_by_role("heading", name="Your webhook secret, shown this once").wait_for()
    look("webhook-secret")
    page.goto(site + filled.path("webhooks"))
    page.get_by_role("link", name="status.example.net").click()
    page.get_by_text("Nothing was taken since").wait_for()
    look("webhook-paused")


def test_a_further_address_has_a_page(site, context, page, look, filled):
    ours = filled.organization.id
    choices = replace(alert_choices_get(organization_id=ours), recipients=["operations@example.org"])
    alert_choices_set(organization_id=ours, choices=choices)
    link = re.search(r"/alerts/confirm/\S+", str(mail.outbox[-1].body))
    assert link
    log_in(context, site, filled)
    page.goto(site + filled.path("alerts"))
    page.get_by_role("button", name="Resend the link to operations@example.org").wait_for()
    look("alerts-waiting")
    page.goto(site + link[0])
    page.get_by_role("heading", name="Get the alerts of").wait_for()
    look("alert-confirm")
    page.get_by_role("button", name="Yes, send me alerts").click()
    page.get_by_role("heading", name="You get the alerts of").wait_for()
    stop = unsubscribe_link(organization_id=ours, email="operations@example.org")
    page.goto(site + str(stop).removeprefix(settings.SITE_URL))
    page.get_by_role("heading", name="End the alerts of").wait_for()
    look("alert-stop")
    page.get_by_role("button", name="Unsubscribe").click()
    page.get_by_role("button", name="Get them again").wait_for()


@pytest.fixture
def incidents(filled):
    """One that goes on and one that is over; gone again afterwards, as they are on everybody's overview."""
    now = timezone.now()
    going = Incident.objects.create(
        title="Requests to some models are slow", state="identified", impact="major", began_at=now - timedelta(hours=2)
    )
    going.affected.set(Model.objects.filter(public_id__startswith="small-")[:1])
    going.updates.create(at=now - timedelta(minutes=100), text="First answers take longer than 20 seconds.")
    going.updates.create(
        at=now - timedelta(minutes=40),
        text="A provider has lost part of its capacity.\n\nRequests go to another one where there is one.",
    )
    over = Incident.objects.create(
        title="The dashboard did not open", state="resolved", began_at=now - timedelta(days=9), all_models=True,
        ended_at=now - timedelta(days=9) + timedelta(minutes=35),
    )  # fmt: skip
    over.updates.create(at=now - timedelta(days=9), text="It opens again. No request and no charge was affected.")
    yield
    Incident.objects.filter(id__in=[going.id, over.id]).delete()


def test_an_incident_is_on_the_status_page_and_at_home(site, context, page, look, filled, incidents):
    page.goto(site + "/status")
    page.get_by_role("heading", name="Requests to some models are slow").wait_for()
    look("status-incidents")
    log_in(context, site, filled)
    page.goto(site + filled.path())
    page.get_by_role("link", name="What we know").click()
    page.get_by_role("heading", name="Requests to some models are slow").wait_for()


def test_what_opens_over_a_page(site, context, page, look, filled):
    log_in(context, site, filled)
    page.goto(site + filled.path("keys"))
    page.get_by_text("Models, addresses and pace").click()
    page.get_by_role("link", name="ci-bot").click()
    page.get_by_role("heading", name="ci-bot", exact=True).wait_for()
    look("key")
    page.get_by_role("button", name="Limits of ci-bot").click()
    page.get_by_role("heading", name="Limits of “ci-bot”").wait_for()
    look("key-limit")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Account menu").click()
    page.get_by_role("button", name="Sign out").wait_for()
    look("account-menu")
    page.get_by_role("button", name="Keyboard shortcuts").click()
    page.get_by_role("heading", name="Keyboard shortcuts").wait_for()
    look("shortcuts")


@override_settings(DEBUG=True)
def test_what_answers_a_form(site, context, page, look, filled):
    log_in(context, site, filled)
    page.goto(site + filled.path("billing"))
    page.get_by_label("Amount in US dollars").fill("4")
    with page.expect_response(lambda response: response.request.method == "POST") as answer:
        page.get_by_role("button", name="Continue to payment").click()
    assert answer.value.status == 422
    assert page.get_by_label("Amount in US dollars").get_attribute("aria-invalid") == "true"
    look("billing-refused")

    page.goto(site + filled.path("keys"))
    page.get_by_label("Name").fill("laptop")
    page.get_by_role("button", name="Create key").click()
    page.get_by_role("heading", name="Your key, shown this once").wait_for()
    page.get_by_text("Models, addresses and pace").click()
    look("keys-made")
    page.get_by_role("link", name="laptop").first.click()
    page.get_by_role("button", name="Rotate").click()
    page.get_by_role("heading", name="The new secret, shown this once").wait_for()
    look("key-rotated")

    page.goto(site + filled.path("management-keys"))
    page.get_by_label("Name").fill("terraform")
    page.get_by_label("Make, change, rotate and revoke API keys").check()
    page.get_by_role("button", name="Create management key").click()
    page.get_by_role("heading", name="Your management key, shown this once").wait_for()
    look("management-keys-made")


@override_settings(DEBUG=True)
def test_the_styleguide(site, page, look, filled):
    page.goto(f"{site}/styleguide/")
    page.get_by_role("heading", name="Styleguide").wait_for()
    look("styleguide")
    page.get_by_role("button", name="Ask before it is done").click()
    page.get_by_role("button", name="Keep it").wait_for()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.textContent") == "Ask before it is done"


def test_errors(site, page, look):
    page.goto(f"{site}/no-such-page")
    page.get_by_role("heading", name="There is nothing here").wait_for()
    look("error-404")


def test_who_may_not(site, context, page, look, filled):
    viewer = member(filled, role="viewer", name=uuid4().hex[:12])
    log_in(context, site, viewer)
    page.goto(site + viewer.path("management-keys"))
    page.get_by_text("Yours here is Viewer").wait_for()
    look("error-403")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_admin(site, context, page, filled, scheme):
    filled.user.is_staff = filled.user.is_superuser = True
    filled.user.save()
    log_in(context, site, filled)
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{site}/admin/")
    page.get_by_role("link", name="TokenOutput staff").wait_for()
    page.screenshot(path=ARTIFACTS / f"admin-{scheme}-1280.png")


def test_on_paper(site, context, page, filled, complaints):
    """The statement alone, black on white whatever the theme, within the width of an A4 sheet."""
    log_in(context, site, filled)
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 680, "height": 960})
    page.goto(site + filled.path(DASHBOARD["statement"]))
    page.get_by_role("heading", name="Usage statement").wait_for()
    for hidden in (".app-nav", ".site-header", ".no-print", ".pager"):
        assert not page.locator(hidden).first.is_visible(), hidden
    colours = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.documentElement).backgroundColor]"
    )
    assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert complaints == []
    page.screenshot(path=ARTIFACTS / "statement-print.png", full_page=True)
    page.pdf(path=ARTIFACTS / "statement.pdf", format="A4")


def test_what_a_person_could_not_use_is_seen(page):
    page.set_content('<html lang="en"><title>Bad</title><main><img src="data:,"><button></button></main></html>')
    page.evaluate(AXE)
    assert {"image-alt", "button-name"} <= {breach for breach, _ in page.evaluate(BREACHES, RULES)}
