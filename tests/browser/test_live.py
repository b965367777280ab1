"""Pages that follow what happens, in a browser, on the whole application with a scripted upstream behind it."""

import httpx
import pytest

from accounts.services import api_key_create
from catalog.services import catalog_load
from tests.browser.conftest import log_in, until
from tests.gateway.platform import PRICE, GatewayServer, upstream
from tests.upstreams.scripts import whole
from tests.upstreams.wire import openai_answer

__all__ = ["upstream"]
# A browser that goes on to the next page drops files half read; the server's objects then warn that they were open.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def sold(site, server, upstream):
    """A model that answers with 21 tokens in and 34 out."""
    platform = GatewayServer(site, upstream, server)
    return platform.model(whole(openai_answer(usage={"prompt_tokens": 21, "completion_tokens": 34})))


def ask(site, secret, model):
    body = {"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}
    answer = httpx.post(f"{site}/v1/chat/completions", json=body, headers={"authorization": f"Bearer {secret}"})
    assert answer.status_code == 200, answer.text


def test_balance_and_requests_arrive_without_a_reload(site, context, page, fresh, sold):
    organization = fresh.organization
    key = api_key_create(organization_id=organization.id, name="tail", member_id=organization.member_id)
    log_in(context, site, fresh)
    page.goto(site + fresh.path())
    page.get_by_text("Live", exact=True).wait_for(state="attached")
    page.evaluate("window.stayed = true")
    page.get_by_role("link", name="Billing").focus()
    ask(site, key.secret, sold.public_id)
    row = page.get_by_role("row").filter(has_text=sold.public_id)
    row.wait_for()
    assert row.get_by_role("cell", name="tail").is_visible()
    page.locator(".header-balance").get_by_text("$4.99").wait_for()
    # While the tail is paused nothing moves under the reader; nothing is lost either.
    page.get_by_role("button", name="Pause").click()
    ask(site, key.secret, sold.public_id)
    page.locator("[data-live=today]", has_text="$0.001146").wait_for()
    assert row.count() == 1
    page.get_by_role("button", name="Pause").click()
    until(lambda: row.count() == 2, "the second request")
    assert page.evaluate("window.stayed")


def test_without_a_socket_the_page_asks_and_says_when_it_cannot(site, context, page, fresh, sold):
    key = api_key_create(organization_id=fresh.organization.id, name="poll", member_id=fresh.organization.member_id)
    log_in(context, site, fresh)
    page.route_web_socket("**/ws/**", lambda socket: socket.close(code=1012))
    page.clock.install()
    page.goto(site + fresh.path())
    page.get_by_text("Reconnecting").wait_for(state="attached")
    ask(site, key.secret, sold.public_id)
    page.clock.run_for(5000)
    page.get_by_role("row").filter(has_text="poll").wait_for()
    page.route("**/live", lambda route: route.abort())
    page.clock.run_for(5000)
    page.get_by_text("Offline, showing").wait_for()


def test_prices_change_on_an_open_page_and_never_under_somebodys_hands(site, page, sold):
    def reprice(dollars):
        provider = {"slug": "r", "base_url": sold.upstream.origin + "/v1", "protocol": "openai_chat", "api_key": "k"}
        route = {"provider": "r", "upstream_model": "m"}
        price = PRICE | {"input": dollars}
        model = {"id": sold.public_id, "context_tokens": 1000, "max_output_tokens": 10, "price": price}
        catalog_load({"providers": [provider], "models": [model | {"routes": [route]}]}, environment={})

    with page.expect_websocket() as opened, page.expect_response("**/live_socket.js"):
        page.goto(f"{site}/models?q={sold.public_id}")
    opened.value  # noqa: B018 -- waits for it
    page.evaluate("window.stayed = true")
    page.locator("#catalog").get_by_text("$3.00").wait_for()
    reprice("7")
    page.locator("#catalog").get_by_text("$7.00").wait_for()
    page.get_by_role("link", name=sold.public_id).focus()
    reprice("9")
    page.get_by_text("Prices changed.").wait_for()
    assert page.locator("#catalog").get_by_text("$7.00").is_visible()
    assert page.evaluate("document.activeElement.textContent") == sold.public_id
    page.get_by_role("button", name="Refresh").click()
    page.locator("#catalog").get_by_text("$9.00").wait_for()
    assert page.evaluate("window.stayed")
