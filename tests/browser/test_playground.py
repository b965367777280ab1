"""The playground with a keyboard: an answer as it comes, its price, a stop that is counted, and the code."""

from uuid import uuid4

import pytest
from django.test import override_settings

from tests.browser.conftest import log_in
from tests.browser.test_every_page import look as look
from tests.gateway.platform import model_make, wait_until
from tests.tokenoutput.pages import visitor
from tests.upstreams import scripts, wire
from tests.upstreams.server import Gate, Upstream

# A browser that goes on to the next page drops files half read; the server's objects then warn that they were open.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def model(database):
    upstream = Upstream().start()
    yield model_make(upstream, public_id=f"plum-{uuid4().hex[:8]}")
    upstream.stop()


@pytest.fixture
def host(context, site):
    made = visitor(uuid4().hex[:12])
    log_in(context, site, made)
    return made


@override_settings(DEBUG=True)
def test_a_model_is_tried_stopped_and_taken_along(site, host, page, look, model):
    gate, chunks = Gate(), wire.openai_stream("Two ", "plums.\n\nNo more.")
    model.on(
        scripts.stream(*chunks[:2], gate, *chunks[2:]),
        scripts.stream(*chunks[:2], Gate(), *chunks[2:]),
        scripts.whole({"error": {"message": "The server is on fire"}}, status=500),
    )
    page.goto(f"{site}/app/playground?model={model.public_id}")
    message, status = page.get_by_label("Your message"), page.locator("[data-said]")
    first, second = (page.locator(".turn-model").nth(index) for index in (0, 1))
    message.fill("How many plums?")
    message.press("Control+Enter")
    first.get_by_text("Two").wait_for()
    assert status.inner_text() == first.locator(".badge").inner_text() == "Answering…"
    gate.open()
    first.get_by_text("No more.").wait_for()
    first.get_by_text("1,000 in, 200 out").wait_for()
    first.get_by_text("$0.006", exact=True).wait_for()
    assert status.inner_text().startswith("Answered, 1,000 in, 200 out, ")
    assert message.evaluate("field => field === document.activeElement && field.value === ''")

    page.locator("[data-stop]").wait_for(state="hidden")
    page.keyboard.type("And 'pears'?")
    page.keyboard.press("Control+Enter")
    second.get_by_text("Two").wait_for()
    page.get_by_role("button", name="Stop").click()
    second.get_by_text("Stopped").wait_for()
    wait_until(model.exchange().hung_up.is_set, "the upstream heard of it")
    second.get_by_text("Open the request").wait_for()

    message.fill("Hello?")
    page.get_by_role("button", name="Run").click()
    page.get_by_text("It did not work", exact=True).wait_for()
    page.locator("[data-stop]").wait_for(state="hidden")
    assert (message.input_value(), page.locator(".turn").count()) == ("Hello?", 4)
    page.get_by_text("And \\u0027pears\\u0027?").first.wait_for()
    page.evaluate("scrollTo(0, 0)")
    look("playground-used")
    page.get_by_role("radio", name="Anthropic").check(force=True)
    page.locator(".protocol-anthropic").get_by_role("radio", name="Python").check(force=True)
    assert page.get_by_text("from anthropic import Anthropic").is_visible()
    message.fill(" ")
    message.press("Control+Enter")
    page.locator("[name=message][aria-invalid]").wait_for()
    page.get_by_role("link", name="Clear").click()
    assert page.evaluate("document.querySelectorAll('.turn').length + localStorage.length + sessionStorage.length") == 0
