"""Single keys on the keyboard: they go where they say, not while somebody types, and not once switched off."""

import pytest

from tests.browser.conftest import log_in

# A browser that goes on to the next page drops files half read; the server's objects then warn that they were open.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning")
FOCUSED = "document.activeElement.{}"


def focus_on(page, what):
    return page.evaluate(FOCUSED.format(what))


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def test_keys_lead_to_pages_until_they_are_switched_off(site, context, page, filled):
    log_in(context, site, filled)
    page.goto(site + filled.path())
    for key, place in (("k", "keys"), ("u", "usage"), ("b", "billing"), ("o", "")):
        press(page, "g", key)
        page.wait_for_url(site + filled.path(place))
        page.wait_for_load_state()

    page.goto(site + filled.path("keys"))
    press(page, "k", "Control+/", "g", "x", "k")  # Neither alone, nor held with another, nor after a stray key.
    press(page, "/")
    assert focus_on(page, "name") == "q"
    press(page, "g", "b", "/", "?")
    assert focus_on(page, "value") == "gb/?"
    assert page.url == site + filled.path("keys")

    button = page.get_by_role("button", name="Create key")
    button.focus()
    press(page, "?")
    help_dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    help_dialog.wait_for()
    press(page, "g", "b")  # What is under it stays as it is.
    press(page, "Escape")
    help_dialog.wait_for(state="hidden")
    assert focus_on(page, "textContent.trim()") == "Create key"

    page.get_by_role("button", name="Account menu").click()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    help_dialog.wait_for()
    page.get_by_role("button", name="Close", exact=True).click()
    assert focus_on(page, "textContent.trim()") == "Account menu"

    page.goto(site + "/app/me")
    page.get_by_role("group", name="Keyboard shortcuts").get_by_role("button", name="Off").click()
    page.get_by_role("group", name="Keyboard shortcuts").get_by_role("button", name="Off", pressed=True).wait_for()
    page.goto(site + filled.path("keys"))
    press(page, "g", "b", "?", "/")
    assert focus_on(page, "tagName") == "BODY"
    page.goto(site + "/models")
    press(page, "/")
    assert focus_on(page, "tagName") == "BODY"
    assert page.get_by_role("dialog").count() == 0


def test_a_visitor_of_the_catalog_switches_them_off(site, page, filled):
    page.goto(site + "/models")
    press(page, "?")
    page.get_by_role("dialog", name="Keyboard shortcuts").wait_for()
    page.get_by_role("button", name="Switch them off").click()
    page.wait_for_load_state()
    press(page, "?", "/")
    assert page.url == site + "/models"
    assert focus_on(page, "tagName") == "BODY"
