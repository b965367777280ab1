"""The documentation in a browser: a language once chosen is open everywhere, and on the next page from the start."""

import pytest

# As in test_every_page: a browser that goes on to the next page drops files half read.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning")


def test_one_choice_opens_the_language_everywhere(site, page, filled):
    page.goto(f"{site}/docs/anthropic")
    assert page.locator("[data-tabs] :checked").evaluate_all("tabs => tabs.map(tab => tab.value)") == ["curl"] * 3
    page.get_by_role("radio", name="Python").first.check()
    assert page.locator("[data-tabs] :checked").evaluate_all("tabs => tabs.map(tab => tab.value)") == ["python"] * 3
    assert page.locator("pre").filter(visible=True).all_inner_texts()[0].startswith("from anthropic import")
    assert "language%3Dpython%26model%3D" in page.get_by_role("link", name="Get a key, 30 s").get_attribute("href")
    response = page.goto(f"{site}/docs/streaming")
    assert 'value="python" autocomplete="off" checked' in " ".join(response.text().split())


def test_the_contents_open_and_lead_on_a_phone_without_scripts(site, scriptless, filled):
    tab = scriptless.new_page()
    tab.set_viewport_size({"width": 390, "height": 800})
    tab.goto(f"{site}/docs/quickstart")
    tab.get_by_text("Contents").click()
    tab.locator(".docs-contents").get_by_role("link", name="Errors").click()
    tab.get_by_role("heading", name="Errors", level=1).wait_for()
    tab.get_by_label("Language").select_option("Node.js")
    tab.get_by_role("button", name="Fill in").click()
    tab.goto(f"{site}/docs/sdks")
    assert tab.locator("[data-tabs] :checked").first.get_attribute("value") == "nodejs"
