"""From sign-up to a key without a mouse: everything is reached by Tab, and one sees where one is."""

from uuid import uuid4

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import override_settings

from accounts.keys import key_hash
from tests.browser.conftest import log_in
from tests.browser.test_journeys import CODE
from tests.tokenoutput.pages import PASSWORD

# A browser that goes on to the next page drops files half read; the server's objects then warn that they were open.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning")
# Two rounds of the longest page: while it is still put together the first may miss what it looks for.
STOPS_MAX = 120
FOCUSED = "document.activeElement.outerHTML.slice(0, 80)"
FOCUS_SEEN = """() => {
  const style = getComputedStyle(document.activeElement);
  return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
}"""

FOCUS_TOLD = """() => [document.activeElement.outerHTML.slice(0, 200), getComputedStyle(document.activeElement).outline,
  document.activeElement.matches(":focus-visible"), document.hasFocus(), document.styleSheets.length]"""


def tab_to(page, target):
    """Press Tab until `target` has the focus; each stop on the way is to be seen."""
    page.wait_for_load_state()  # Before its style has come no page shows where one is.
    stops = []
    for _ in range(STOPS_MAX):
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUS_SEEN), page.evaluate(FOCUS_TOLD)
        stops.append(page.evaluate(FOCUSED))
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError("\n".join([f"not reached in {STOPS_MAX} stops: {target}", *stops]))


@override_settings(DEBUG=True)
def test_from_sign_up_to_a_key(site, page, filled):
    cache.clear()  # Attempts are counted there.
    page.goto(f"{site}/accounts/signup/")
    tab_to(page, page.get_by_label("E-mail"))
    page.keyboard.type(f"{uuid4().hex[:12]}@example.com")
    tab_to(page, page.get_by_label("Password"))
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_label("Code").wait_for()
    sent = CODE.search(str(mail.outbox[-1].body))
    assert sent
    if not page.get_by_label("Code").evaluate("element => element === document.activeElement"):
        tab_to(page, page.get_by_label("Code"))
    page.keyboard.type(sent[1])
    page.keyboard.press("Enter")

    create = page.get_by_role("button", name="Create my first key")
    create.wait_for()
    tab_to(page, create)
    page.keyboard.press("Enter")
    secret = page.locator("#secret")
    secret.wait_for()
    assert key_hash(secret.inner_text()) is not None
    tab_to(page, page.get_by_role("button", name="Run it for me"))


@override_settings(DEBUG=True)
def test_a_further_key_and_its_end(site, context, page, fresh):

    log_in(context, site, fresh)
    page.goto(site + fresh.path("keys"))
    tab_to(page, page.get_by_label("Name"))
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Your key, shown this once").wait_for()
    tab_to(page, page.get_by_role("link", name="by keyboard").first)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="by keyboard", exact=True).wait_for()
    tab_to(page, page.get_by_label("Type the name of the key"))
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    page.get_by_text("Revoked").first.wait_for()
