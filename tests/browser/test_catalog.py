"""The catalog while somebody types: the table follows, the address bar too, and the keyboard is enough."""

import re

import pytest
from playwright.sync_api import expect

# A browser that goes on to the next page drops files half read; the server's objects then warn that they were open.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def name(filled):
    """The end of this host's model IDs: others may be in the catalog."""
    return filled.user.email.split("@")[0]


def ids(page):
    return page.locator("#catalog tbody th code")


def test_the_table_follows_what_is_typed(site, page, name):
    page.goto(f"{site}/models")
    page.locator(".filters-live").wait_for()
    expect(page.get_by_text("Prices changed.")).to_be_hidden()
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.type(name)
    expect(ids(page)).to_have_text([f"small-{name}", f"wide-{name}", f"gift-{name}"])
    expect(page.get_by_role("status").filter(has_text=re.compile(r"^3 of \d+ models$"))).to_be_visible()
    expect(page).to_have_url(f"{site}/models?q={name}")
    page.get_by_role("link", name="Input price").click()
    expect(ids(page)).to_have_text([f"gift-{name}", f"small-{name}", f"wide-{name}"])
    expect(page.get_by_role("link", name="Input price")).to_be_focused()
    expect(page.locator('th[aria-sort="ascending"]')).to_contain_text("Pricing")
    expect(page).to_have_url(f"{site}/models?q={name}&sort=input")
    page.reload()
    expect(ids(page)).to_have_text([f"gift-{name}", f"small-{name}", f"wide-{name}"])
    page.get_by_label("Free only").check()
    expect(ids(page)).to_have_text([f"gift-{name}"])
    page.get_by_role("button", name=f"Copy gift-{name}").click()
    assert page.evaluate("navigator.clipboard.readText()") == f"gift-{name}"
    page.get_by_label("Search").press("Enter")
    expect(page).to_have_url(f"{site}/models/gift-{name}")


def test_the_table_is_filtered_and_sorted_without_scripts(site, scriptless, name):
    page = scriptless.new_page()
    page.goto(f"{site}/models")
    page.get_by_label("Search").fill(name)
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("link", name="Input price").click()
    expect(ids(page)).to_have_text([f"gift-{name}", f"small-{name}", f"wide-{name}"])
    page.get_by_role("link", name="Clear", exact=True).click()
    expect(page).to_have_url(f"{site}/models")
