"""“My time” is the time of the device, from the first press on."""

import pytest

from tests.browser.conftest import log_in

# A browser that goes on to the next page drops files half read; the server's objects then warn that they were open.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning")


def test_my_time_is_the_devices(site, browser, server, filled):
    context = browser.new_context(timezone_id="Asia/Tokyo")
    log_in(context, site, filled)
    page = context.new_page()
    page.goto(site + filled.path("requests"))
    page.get_by_role("columnheader", name="Time (UTC)").wait_for()
    page.get_by_role("button", name="My time").click()
    page.get_by_role("columnheader", name="Time (Asia/Tokyo)").wait_for()
    shown = page.locator("tbody time").first
    told = shown.evaluate("time => new Date(time.dateTime).toLocaleTimeString('en-GB', {timeZone: 'Asia/Tokyo'})")
    assert shown.inner_text().endswith(told)
    page.get_by_role("button", name="UTC", exact=True).click()
    page.get_by_role("columnheader", name="Time (UTC)").wait_for()
    context.close()
