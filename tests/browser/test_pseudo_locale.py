"""Pages on a phone in a language a third longer than English: nothing runs over the edge."""

import pytest

from tests.browser.conftest import ARTIFACTS, log_in
from tests.tokenoutput.pseudo import speak

# A browser that goes on to the next page drops files half read; the server's objects then warn that they were open.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning")
PAGES = ("", "keys", "usage", "requests", "billing", "alerts", "members", "../me")
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"

WIDEST = """[...document.querySelectorAll('main *, header *')]
    .filter(one => !one.closest('thead, svg, .visually-hidden, pre, [popover]'))
    .filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map(one => one.outerHTML.slice(0, 200)).slice(-3)"""


def test_longer_words_fit_on_a_phone(site, context, page, filled, monkeypatch):
    log_in(context, site, filled)
    speak(monkeypatch)
    page.set_viewport_size({"width": 320, "height": 640})
    wide = []
    for path in [filled.path(name) for name in PAGES] + ["/", "/pricing", "/models"]:
        page.goto(site + path)
        assert "· ɋ" in page.content(), path
        if not page.evaluate(FITS):
            wide.append((path, page.evaluate(WIDEST)))
            page.screenshot(path=ARTIFACTS / f"pseudo-{len(wide)}.png", full_page=True)
    assert wide == []
