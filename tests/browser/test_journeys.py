"""What a newcomer does, with a mouse, with a keyboard, and without scripts."""

import re
import threading
from http.server import HTTPServer, SimpleHTTPRequestHandler
from uuid import uuid4

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import override_settings

from accounts.keys import key_hash
from tests.browser.conftest import log_in
from tests.tokenoutput.pages import PASSWORD

# A browser that goes on to the next page drops files half read; the server's objects then warn that they were open.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning")
CODE = re.compile(r"^\s*([A-Z0-9]{3,}(?:-[A-Z0-9]{3,})*)\s*$", re.MULTILINE)


@override_settings(DEBUG=True)
def test_from_the_docs_to_a_key_and_money(site, page, filled):
    cache.clear()  # Attempts are counted there.
    email = f"{uuid4().hex[:12]}@example.com"
    page.goto(f"{site}/docs/")
    page.get_by_role("link", name="Get a key").first.click()
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Send me the code").click()

    code = page.get_by_label("Code")
    assert code.get_attribute("autocomplete") == "one-time-code"
    sent = CODE.search(str(mail.outbox[-1].body))
    assert sent
    code.fill(sent[1])
    page.get_by_role("button", name="Confirm").click()

    page.get_by_role("heading", name="Quickstart").wait_for()
    page.get_by_role("navigation", name="Dashboard").get_by_role("link", name="API keys").click()
    page.get_by_label("Name").fill("laptop")
    page.get_by_role("button", name="Create key").click()
    secret = page.locator("#secret").inner_text()
    assert key_hash(secret) is not None
    page.get_by_role("button", name="Copy key").click()
    page.get_by_text("Copied").first.wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    page.get_by_role("button", name="Copy curl").click()
    assert f"Bearer {secret}" in page.evaluate("navigator.clipboard.readText()")
    assert secret not in page.url
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0

    page.get_by_role("link", name="Billing").click()
    page.get_by_label("Amount in US dollars").fill("25")
    page.get_by_role("button", name="Continue to payment").click()
    page.get_by_text("This is a simulation").wait_for()
    page.get_by_role("button", name="Pay with a card that is declined").click()
    page.get_by_text("The card was declined").wait_for()
    page.get_by_role("button", name="Pay with a card that needs authentication").click()
    page.get_by_role("button", name="Yes, confirm the payment").click()
    page.get_by_text("$25.00 added to your balance.").wait_for()
    page.get_by_role("link", name="Back to billing").click()
    page.get_by_role("cell", name="Card payment").wait_for()
    assert page.get_by_text("+$25.00").is_visible()
    page.get_by_role("link", name="API keys").click()
    assert secret not in page.content()


def test_languages_are_chosen_with_arrow_keys_and_all_there_without_scripts(site, scriptless, filled):
    page = scriptless.new_page()
    page.goto(site)
    page.get_by_role("radio", name="curl").focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_text("from openai import OpenAI").is_visible()
    assert not page.get_by_role("button", name=re.compile("^Copy")).first.is_visible()


def test_a_key_is_made_and_revoked_without_scripts(site, scriptless, fresh):
    log_in(scriptless, site, fresh)
    page = scriptless.new_page()
    page.goto(site + fresh.path("keys"))
    page.get_by_label("Name").fill("no scripts")
    page.get_by_label("Name").press("Enter")
    assert page.locator("#secret").is_visible()
    page.get_by_role("button", name="Disable no scripts").click()
    page.get_by_text("“no scripts” is off.").wait_for()
    page.get_by_role("link", name="no scripts").click()
    page.get_by_label("Type the name of the key").fill("no scripts")
    page.get_by_role("button", name="Revoke key").click()
    page.get_by_text("The key is revoked.").wait_for()
    assert page.get_by_role("cell", name="Revoked").is_visible()


def test_the_skip_link_comes_first_and_leads_to_the_content(site, page):
    page.goto(site)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_the_menu_of_a_phone_opens(site, page):
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(site)
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("navigation", name="Menu").get_by_role("link", name="Docs").click()
    page.get_by_role("heading", name="Docs", exact=True).wait_for()


def test_an_app_is_connected_in_the_browser(site, context, page, fresh):
    """The answer to the form leads to another site: the policy of the page must let it."""
    app = HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)  # What it answers does not matter.
    threading.Thread(target=app.serve_forever, daemon=True).start()
    back = f"http://127.0.0.1:{app.server_port}/back"
    log_in(context, site, fresh)
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    page.goto(f"{site}/auth?callback_url={back}&code_challenge_method=S256&code_challenge={challenge}")
    page.get_by_label("Limit in US dollars").fill("7")
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url(f"{back}?code=*")
    page.go_back()
    page.get_by_role("link", name="Do not allow").click()
    page.wait_for_url(f"{back}?error=access_denied")
    app.shutdown()
    app.server_close()
