"""A passkey in a real browser, whose authenticator is simulated by the browser itself."""

import re

import pytest

pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning")


def test_a_passkey_is_added_and_signs_in(site, browser, context, complaints, fresh):
    local = site.replace("127.0.0.1", "localhost")  # A passkey belongs to a name; an address has none.
    fresh.user.set_password("correct horse battery")
    fresh.user.save()
    page = context.new_page()
    page.set_default_timeout(8000)
    devices = context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }})  # fmt: skip
    page.goto(f"{local}/accounts/login/?next=/accounts/2fa/webauthn/add/")
    page.get_by_label("E-mail").fill(fresh.user.email)
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("main").get_by_role("button").first.click()
    page.get_by_label("Name").fill("laptop")
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(re.compile("recovery-codes|/2fa/$"))
    context.clear_cookies()
    page.goto(f"{local}/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(re.compile("/app/"))
