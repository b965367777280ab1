"""What every page has: the drawer of a phone, the choice of colours, forms that are sent once."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ARTIFACTS, log_in

# A browser that goes on to the next page drops files half read; the server's objects then warn that they were open.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning")


def test_the_drawer_of_a_phone(site, context, page, fresh):
    log_in(context, site, fresh)
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(site + fresh.path())
    usage = page.get_by_role("navigation", name="Dashboard").get_by_role("link", name="Usage")
    assert not usage.is_visible()
    page.get_by_role("button", name="Open menu").focus()
    page.keyboard.press("Enter")
    usage.wait_for()
    page.keyboard.press("Escape")
    usage.wait_for(state="hidden")
    assert page.evaluate("document.activeElement.getAttribute('popovertarget')") == "app-menu"
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Close menu").click()
    usage.wait_for(state="hidden")
    page.get_by_role("button", name="Open menu").click()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=ARTIFACTS / f"drawer-{scheme}-320.png")
    usage.click()
    page.get_by_role("heading", name="Usage", exact=True).wait_for()


def test_the_drawer_opens_without_scripts(site, scriptless, fresh):
    log_in(scriptless, site, fresh)
    page = scriptless.new_page()
    page.set_viewport_size({"width": 390, "height": 640})
    page.goto(site + fresh.path())
    page.get_by_role("button", name="Open menu").click()
    page.get_by_role("link", name="Members").click()
    page.get_by_role("heading", name="Members", exact=True).wait_for()


def test_colours_are_chosen_without_scripts(site, scriptless):
    page = scriptless.new_page()
    page.goto(f"{site}/pricing?cached=50")
    background = "getComputedStyle(document.documentElement).backgroundColor"
    before = page.evaluate(background)
    page.get_by_role("button", name="Dark").click()
    page.wait_for_url("**/pricing?cached=50")
    assert page.evaluate(background) != before
    assert page.get_by_role("button", name="Dark").get_attribute("aria-pressed") == "true"


def test_a_refused_form_has_the_focus_and_leads_to_the_field(site, page):
    page.goto(f"{site}/accounts/signup/")
    page.get_by_label("E-mail").fill("nobody@example.com")
    page.get_by_label("Password").fill("short")
    page.keyboard.press("Enter")
    page.get_by_role("alert").wait_for()
    expect(page.get_by_role("alert")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Password")).to_be_focused()


def test_a_form_is_sent_once(site, context, page, fresh):
    log_in(context, site, fresh)
    page.goto(site + fresh.path("settings"))
    posts = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    page.get_by_label("Name").fill("Twice and once")
    page.evaluate("for (const _ of [1, 2, 3]) document.querySelector('main form').requestSubmit()")
    page.get_by_role("button", name="Twice and once").or_(page.get_by_text("Twice and once")).first.wait_for()
    assert len(posts) == 1
