"""Pages that follow what happens, in a browser, on the whole application with a scripted upstream behind it."""

import contextlib
import time
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from django.core import mail
from django.core.cache import cache
from django.test import override_settings
from playwright.sync_api import Error, expect

from accounts.api_keys import api_key_disable, api_key_enable
from accounts.keys import key_hash
from accounts.services import api_key_create
from billing.alerts import alert_test
from billing.ledger import wallet_open
from billing.limits import limit_set
from billing.models import Topup
from billing.payment_ledger import topup_credit
from catalog.services import catalog_load
from tests.browser.conftest import log_in, until
from tests.browser.test_journeys import CODE
from tests.gateway.platform import PRICE, GatewayServer, upstream
from tests.tokenoutput.pages import PASSWORD, visitor
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


def test_balance_and_requests_arrive_without_a_reload(site, context, page, sold):
    fresh = visitor(uuid4().hex[:12])  # What others spent would be in the sums.
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


def test_the_page_of_a_key_follows_what_is_done_to_it_and_what_it_spends(site, context, page, sold):
    fresh = visitor(uuid4().hex[:12])
    owner: dict[str, Any] = {"organization_id": fresh.organization.id, "member_id": fresh.organization.member_id}
    key = api_key_create(**owner, name="watched")
    limit_set(organization_id=owner["organization_id"], api_key_id=key.id, period="daily", amount_nanos=10**9)
    log_in(context, site, fresh)
    page.goto(site + fresh.path(f"keys/{key.public_hash}"))
    page.locator("html[data-live=connected]").wait_for()
    page.evaluate("window.stayed = true")
    spending, doings = page.locator("#key-spending"), page.locator("#key-doings")
    ask(site, key.secret, sold.public_id)
    spending.get_by_text("$0.000573 of $1.00 a day").wait_for()
    # Who fills in a form goes on filling it in, whatever comes.
    name = page.get_by_label("Name", exact=True)
    name.fill("half a na")
    api_key_disable(**owner, api_key_id=key.id)
    page.locator("#key-head").get_by_text("Disabled").wait_for()
    doings.get_by_role("button", name="Enable").wait_for()
    name.press_sequentially("me")
    expect(name).to_have_value("half a name")
    # What somebody is in waits until it is left alone.
    doings.get_by_label("Type the name of the key").focus()
    api_key_enable(**owner, api_key_id=key.id)
    page.locator("#key-head").get_by_text("Active").wait_for()
    assert doings.get_by_role("button", name="Enable").is_visible()
    page.locator("#key-head a").first.focus()
    doings.get_by_role("button", name="Disable").wait_for()
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


def test_what_happens_is_said_and_shown_on_the_open_page(site, context, page, sold):
    payer = visitor(uuid4().hex[:12])
    organization_id = payer.organization.id
    topup = Topup.objects.create(
        wallet_id=wallet_open(organization_id=organization_id), kind="checkout", status="processing", amount_cents=2000
    )
    log_in(context, site, payer)
    page.goto(site + payer.path(f"billing/return?topup={topup.id}"))
    page.get_by_role("heading", name="Payment on its way").wait_for()
    page.locator("html[data-live=connected]").wait_for()
    page.evaluate("window.stayed = true")
    topup_credit(topup_id=topup.id, payment_intent_id=f"pi_{topup.id}", tax_cents=0)
    page.get_by_role("heading", name="Payment received").wait_for()
    page.locator(".header-balance").get_by_text("$25.00").wait_for()
    alert_test(organization_id=organization_id, by="ada")
    banner = page.get_by_role("status").filter(has_text="Test of your alerts")
    banner.wait_for()
    assert page.evaluate("window.stayed")
    page.goto(site + payer.path("billing"))  # It goes along until it is dismissed.
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_text("Test of your alerts")).to_have_count(0)
    page.reload()
    page.locator("html[data-live=connected]").wait_for()
    alert_test(organization_id=organization_id, by="ada")
    expect(page.get_by_text("Test of your alerts")).to_have_count(1)


def test_prices_change_on_an_open_page_and_never_under_somebodys_hands(site, context, page, sold):
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
    # The same on the model's page, where what was marked stays marked, and where a sum is shown.
    model, sums = context.new_page(), context.new_page()
    with model.expect_websocket(), model.expect_response("**/live_socket.js"):
        model.goto(f"{site}/models/{sold.public_id}")
    with sums.expect_websocket(), sums.expect_response("**/live_socket.js"):
        sums.goto(f"{site}/pricing?model={sold.public_id}&input=1000000&output=0&requests=1&days=1")
    sums.locator("#estimate").get_by_text("$9.00").first.wait_for()
    model.locator("#model-history").get_by_role("cell", name="$9.00").select_text()
    reprice("8")
    model.locator("#model-price").get_by_role("cell", name="$8.00").wait_for()
    sums.locator("#estimate").get_by_text("$8.00").first.wait_for()
    model.get_by_text("Prices changed.").wait_for()
    assert model.evaluate("getSelection().toString()").strip() == "$9.00"
    assert page.evaluate("window.stayed")


@override_settings(DEBUG=True)
def test_from_signing_up_to_the_first_request_in_a_minute(site, page, sold):
    cache.clear()  # Attempts are counted there.
    started = time.monotonic()
    query = quote(f"/app/quickstart?language=python&model={sold.public_id}")
    page.goto(f"{site}/accounts/signup/?next={query}")
    page.get_by_label("E-mail").fill(f"{uuid4().hex[:12]}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Send me the code").click()
    code = page.get_by_label("Code")
    code.wait_for()
    sent = CODE.search(str(mail.outbox[-1].body))
    assert sent
    code.fill(sent[1])
    page.get_by_role("button", name="Confirm").click()

    page.get_by_role("button", name="Create my first key").dblclick()
    secret = page.locator("#secret").inner_text()
    assert key_hash(secret) is not None
    # In the language and with the model that were open before.
    assert page.get_by_role("radio", name="Python").is_checked()
    assert sold.public_id in page.locator("#quickstart-python_openai").inner_text()
    page.get_by_text("Waiting for your first request").wait_for()
    page.get_by_role("button", name="Run it for me").click()
    page.get_by_text("Two plums").wait_for()
    received = page.get_by_role("link", name=f"{sold.public_id}, 21 in / 34 out, $0.000573")
    received.wait_for()
    assert time.monotonic() - started < 60
    assert (secret in page.url, page.evaluate("localStorage.length + sessionStorage.length")) == (False, 0)
    assert sold.requests()[-1].json["messages"] == [{"role": "user", "content": "Hello!"}]
    received.click()
    page.wait_for_url("**/requests/*")
    with contextlib.suppress(Error):  # The browser may refuse to show again what nobody may keep.
        page.go_back()
    expect(page.locator("body")).not_to_contain_text(secret)
