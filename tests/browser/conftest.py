"""A real browser against a real server: Debian's Chromium, the site in a thread of this process."""

import os
import time
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone
from playwright.sync_api import sync_playwright

from tests.gateway.platform import running
from tests.prerequisites import chromium
from tests.tokenoutput.pages import Visitor, catalog_make, visitor

HERE = Path(__file__).resolve().parent
ARTIFACTS = HERE.parents[1] / "artifacts"
DEADLINE_SECONDS = 20
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A profile can reach nothing but this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


def pytest_collection_modifyitems(items):
    """These tests one after another, after all others: so one server and one browser serve them all."""
    items.sort(key=lambda item: item.path.parent == HERE)


@pytest.fixture(scope="package")
def server(database):
    """The whole application in a thread, gateway and sockets included. Rows are committed: its connections see them."""
    with running() as server:
        yield server


@pytest.fixture(scope="package")
def site(server):
    """The site's address."""
    return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"


@pytest.fixture(scope="package")
def browser(site):
    """One browser for all these tests: Playwright's own event loop must be gone before the next asynchronous test."""
    path = chromium()
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright's loop runs in the thread that reads the rows.
    try:
        with sync_playwright() as playwright:
            launched = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
            yield launched
            launched.close()
            connections.close_all()  # What a thread with a running loop opened, it alone can close.
    finally:
        os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")
        if before is not None:
            os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


@pytest.fixture
def context(browser, server, site):
    """A fresh profile."""
    made = browser.new_context(
        locale="en-US",
        timezone_id="UTC",
        permissions=["clipboard-read", "clipboard-write"],
        reduced_motion="reduce",  # A colour half way to another is nobody's contrast.
    )
    yield made
    for tab in made.pages:
        tab.wait_for_load_state()
        tab.goto("about:blank")  # Its socket would stay open for as long as it does.
    until(lambda: not server.server_state.tasks, "the site still answers")  # Hanging up would leave its rows open.
    made.close()


@pytest.fixture
def complaints():
    """What the page's console says is wrong, refused policies included: at the end there must be nothing."""
    said = Complaints()
    yield said
    assert said == []


@pytest.fixture
def page(context, complaints):
    """A tab that is listened to."""
    tab = context.new_page()
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda message: complaints.append(message.text) if complains(message, complaints) else None)
    return tab


@pytest.fixture(scope="module")
def filled(database):
    """Somebody with a catalog, an API key and usage."""
    from accounts.services import api_key_create  # noqa: PLC0415 -- with the rows, not with the plugin
    from billing.alerts import alert_test  # noqa: PLC0415 -- as above
    from billing.budgets import budgets_set  # noqa: PLC0415 -- as above
    from billing.limits import limit_set  # noqa: PLC0415 -- as above
    from billing.selectors import wallet_get  # noqa: PLC0415 -- as above
    from tests.browser.ledger_rows import payments_make, usage_make  # noqa: PLC0415 -- as above

    name = uuid4().hex[:12]
    host = visitor(name)
    key = api_key_create(organization_id=host.organization.id, name="ci-bot", member_id=host.organization.member_id)
    models = catalog_make(suffix=f"-{name}")
    wallet = wallet_get(organization_id=host.organization.id)
    limits = {"organization_id": host.organization.id, "amount_nanos": 250_000_000}
    limit_set(**limits, api_key_id=key.id, period="daily")
    limit_set(**limits, member_id=host.organization.member_id, period="total")
    payments_make(wallet_id=wallet.wallet_id)
    _webhooks_make(host)
    alert_test(organization_id=host.organization.id, by=host.user.email)
    usage_make(wallet_id=wallet.wallet_id, api_key_id=key.id, model_id=models[f"small-{name}"], rounds=3)
    budgets_set(organization_id=host.organization.id, amounts_nanos={"daily": 150_000_000, "monthly": 20_000_000_000})
    return host


def _webhooks_make(host: Visitor) -> None:
    """Two: one that fails, and one that was paused by itself."""
    from billing.alert_models import AlertDelivery  # noqa: PLC0415 -- with the rows, not with the plugin
    from billing.webhook_log import webhook_test  # noqa: PLC0415 -- as above
    from billing.webhook_models import Webhook  # noqa: PLC0415 -- as above
    from billing.webhooks import webhook_create  # noqa: PLC0415 -- as above

    ours, kinds = host.organization.id, ["low_balance", "key_limit"]
    urls = ("https://hooks.example.com/services/alerts?team=platform", "https://status.example.net/incoming")
    first, second = (
        webhook_create(organization_id=ours, url=url, kinds=kinds, user_id=host.user.id).id for url in urls
    )
    webhook_test(organization_id=ours, public_id=first, by=host.user.email)
    failed = AlertDelivery.objects.filter(alert__organization_id=ours, channel="webhook")
    failed.update(state="given_up", attempts=7, last_error="It answered 503.")
    since = timezone.now() - timedelta(days=4)
    Webhook.objects.filter(organization_id=ours).update(failing_since=since)
    paused = Webhook.objects.filter(public_id=second)
    paused.update(disabled_at=timezone.now(), disabled_for="It answered 503.")


@pytest.fixture
def scriptless(browser, server):
    """As `context`, with scripts off."""
    made = browser.new_context(java_script_enabled=False)
    yield made
    until(lambda: not server.server_state.tasks, "the site still answers")
    made.close()


@pytest.fixture(scope="module")
def fresh(database):
    """Somebody who has just signed up."""
    return visitor(uuid4().hex[:12])


class Complaints(list[str]):
    """`tools_ran`: from then on refused styles may be the tools' own, and their messages come when they like."""

    tools_ran = False


def complains(message, complaints) -> bool:
    """Whether something is wrong: a page that answers 404 or 422 is noted too, and is what was asked for."""
    noted = message.text.startswith("Failed to load resource") and "/static/" not in message.location["url"]
    tools = complaints.tools_ran and message.text.startswith("Applying inline style violates")
    return message.type == "error" and not noted and not tools


def until(condition, complaint):
    """Wait for it, not for ever."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.02)


def log_in(context, site: str, who: Visitor) -> None:
    """Give the browser the visitor's session."""
    session = who.client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "url": site, "value": session}])
