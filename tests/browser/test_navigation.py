"""The drawer of a phone: opened, left and followed with a keyboard and without scripts."""

import pytest

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
