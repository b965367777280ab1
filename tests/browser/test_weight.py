"""What a page costs its reader: bytes to load, and nothing that jumps while it does."""

import pytest

from tests.browser.conftest import log_in

# A browser that goes on to the next page drops files half read; the server's objects then warn that they were open.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning")
BYTES_MAX = 200_000
SHIFT_MAX = 0.05
WATCH = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""
LOADED = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .reduce((sum, entry) => sum + entry.encodedBodySize, 0)"""
SETTLED = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", ["/", "/models", "/pricing", "/docs/quickstart", "/status", "app", "app/usage"])
def test_a_page_is_light_and_stands_still(site, context, page, filled, path, width):
    if path.startswith("app"):
        log_in(context, site, filled)
        path = filled.path(path.removeprefix("app").removeprefix("/"))
    page.add_init_script(WATCH)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(site + path, wait_until="load")
    page.evaluate("document.fonts.ready.then(() => true)")
    page.evaluate(SETTLED)
    assert page.evaluate("window.shifted") < SHIFT_MAX
    assert page.evaluate(LOADED) < BYTES_MAX
