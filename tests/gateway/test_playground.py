"""Runs over the wire, as the page's script makes them: what comes, what is charged, what stops, what is kept."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID, uuid4

import httpx
import pytest
from django.conf import settings
from django.test import Client

from accounts.api_key_selectors import api_keys_list
from accounts.api_keys import api_key_update
from accounts.audit import audit_list
from accounts.selectors import organizations_of
from accounts.services import user_create
from billing.limits import limits_list
from billing.requests import request_get
from billing.selectors import usage_list
from catalog.money import nanos_to_usd
from catalog.pricing import Usage
from tests.gateway.platform import price_of, wait_until
from tests.gateway.test_privacy import tables_with
from tests.tokenoutput.pages import Visitor
from tests.upstreams import scripts, wire
from tests.upstreams.server import Gate
from tokenoutput.signup import account_open

MARK = "Mirabelle-0815"


class Browser:
    """Somebody's session, and the page's token."""

    def __init__(self, url, who):
        session = who.client.cookies[settings.SESSION_COOKIE_NAME].value
        self.who = who
        self.client = httpx.Client(base_url=url, cookies={settings.SESSION_COOKIE_NAME: session}, timeout=15)
        page = self.client.get(who.path("playground"))
        self.token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[0]

    def form(self, model, message="Hello", **more):
        history = json.dumps(more.pop("history", []))
        fields = {"model": model.public_id, "message": message, "history": history, **more}
        return {"csrfmiddlewaretoken": self.token, **fields}

    @contextmanager
    def running(self, model, message="Hello", **more):
        """The events of a run, as they come; leaving is hanging up."""
        with self.client.stream("POST", self.who.path("playground/run"), data=self.form(model, message, **more)) as got:
            assert got.status_code == 200, got.read()
            yield events(got)

    def run(self, model, message="Hello", **more):
        with self.running(model, message, **more) as told:
            return list(told)

    def row(self, begun):
        """The usage record of a run, once it is there."""
        who = {"organization_id": self.who.organization.id, "request_id": UUID(begun["request"])}
        return wait_until(lambda: request_get(**who), "a record").row


def events(got):
    """Server-sent events: kind and data."""
    for block in _blocks(got.iter_text()):
        kind, data = block.split("\n", 1)
        yield kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def _blocks(texts):
    rest = ""
    for text in texts:
        *blocks, rest = (rest + text).split("\n\n")
        yield from blocks


def somebody():
    """As `visitor`, without a password: hashing one takes longer than a run."""
    user = user_create(email=f"{uuid4().hex[:12]}@example.com", password=None, verified=True)
    account_open(user=user)
    client = Client()
    client.force_login(user)
    return Visitor(client=client, user=user, organization=organizations_of(user=user)[0])


@pytest.fixture
def ada(gateway_server):
    browser = Browser(gateway_server.url, somebody())
    yield browser
    browser.client.close()


def test_an_answer_streams_and_its_price_is_the_ledgers(gateway_server, ada):
    gate = Gate()
    chunks = wire.openai_stream("Two ", "plums")
    model = gateway_server.model(scripts.stream(*chunks[:2], gate, *chunks[2:]))
    before = [{"role": "user", "content": "One?"}, {"role": "assistant", "content": "One."}]
    asked = {"history": before, "system": "Be brief", "max_tokens": "50", "temperature": "0.5"}
    with ada.running(model, " Two?\r\n", **asked) as told:
        kind, begun = next(told)
        assert kind == "begun"
        assert next(told) == ("text", {"text": "Two "})  # While the upstream has not said the rest.
        gate.open()
        rest = list(told)
    assert rest[0] == ("text", {"text": "plums"})
    (kind, ended) = rest[-1]
    row = ada.row(begun)
    assert (kind, ended["state"], ended["said"]) == ("ended", "answered", "Answered")
    assert row.usage == Usage(input_tokens=1000, output_tokens=200)
    assert f"${nanos_to_usd(row.charge_nanos)}" in ended["html"]
    assert "1,000 in, 200 out" in ended["html"]
    assert ada.who.path(f"requests/{row.id}") in ended["html"]
    sent = model.requests()[0].json
    assert [one["content"] for one in sent["messages"]] == ["Be brief", "One?", "One.", " Two?\n"]
    assert (sent["stream"], sent["max_tokens"], sent["temperature"]) == (True, 50, 0.5)


def test_ten_runs_make_one_key_with_a_limit_that_nobody_has_the_secret_of(gateway_server, ada):
    model = gateway_server.model(scripts.stream(*wire.openai_stream()))
    with ThreadPoolExecutor(2) as threads:
        told = list(threads.map(lambda _: ada.run(model), range(4)))
    assert [one[-1][1]["state"] for one in told] == ["answered"] * 4
    organization = ada.who.organization
    (key,) = api_keys_list(organization_id=organization.id)
    assert (key.name, key.is_playground, key.member_id) == ("Playground", True, organization.member_id)
    assert {row.api_key_id for row in usage_list(organization_id=organization.id)} == {key.id}
    (limit,) = limits_list(organization_id=organization.id)
    assert (limit.api_key_id, limit.period, limit.amount_nanos) == (key.id, "daily", 5_000_000_000)
    made = [line.action for line in audit_list(organization_id=organization.id) if line.action.startswith("api_key")]
    assert sorted(made) == ["api_key.created", "api_key.limit_set"]
    # It counts for nothing elsewhere: a newcomer still makes a first key, and no page gives this one a secret.
    page = ada.who.client.get(ada.who.path(f"keys/{key.public_hash}"))
    assert "nobody has its secret" in page.content.decode()
    rotated = ada.who.client.post(
        ada.who.path(f"keys/{key.public_hash}/rotate"), {"grace": "0", "last_four": key.last_four}
    )
    assert rotated.status_code == 422
    assert "sk-" not in re.sub(r"sk-\w{5}…", "", rotated.content.decode())
    assert ada.who.client.get("/app/")["Location"] == ada.who.path("quickstart")


@pytest.mark.parametrize("when", ["before content", "in the middle"])
def test_hanging_up_stops_the_upstream_and_is_charged_by_the_rules(gateway_server, ada, when):
    gate = Gate()
    said = [wire.openai_chunk({"content": "x" * 50})] if when == "in the middle" else []
    model = gateway_server.model(scripts.stream(wire.OPENAI_ROLE, *said, gate, *wire.openai_stream()))
    with ada.running(model) as told:
        kind, begun = next(told)
        assert kind == "begun"
        if said:
            assert next(told) == ("text", {"text": "x" * 50})
        gate.wait_reached()
    wait_until(model.exchange().hung_up.is_set, "the upstream's bill was stopped")
    row = ada.row(begun)
    assert row.outcome == "client_gone"
    assert row.usage.output_tokens == (10 if said else 0)
    assert row.charge_nanos == price_of(row.usage) > 0
    counted = ada.client.get(ada.who.path(f"playground/requests/{row.id}")).json()
    assert f"${nanos_to_usd(row.charge_nanos)}" in counted["html"]
    assert counted["url"] == ada.who.path(f"requests/{row.id}")


def test_what_breaks_off_is_said_and_what_came_is_charged(gateway_server, ada):
    model = gateway_server.model(scripts.stream(wire.OPENAI_ROLE, wire.openai_chunk({"content": "Two"}), end="cut"))
    kinds = dict(told := ada.run(model))
    assert [kind for kind, _ in told] == ["begun", "text", "failed", "ended"]
    assert kinds["ended"]["state"] == "cut"
    assert "/docs/errors#" in kinds["failed"]["html"]
    assert "Price" in kinds["ended"]["html"]


def test_refusals_are_worded_and_cost_nothing(gateway_server, ada):
    model = gateway_server.model(scripts.whole({"error": {"message": "No <b>such</b> thing"}}, status=400))
    kinds = dict(ada.run(model))
    assert kinds["ended"]["state"] == "refused"
    assert "No &lt;b&gt;such&lt;/b&gt; thing" in kinds["failed"]["html"]
    # Through the same limits as any key.
    (key,) = api_keys_list(organization_id=ada.who.organization.id)
    dear = gateway_server.model(price={"input": "900000", "output": "900000"})
    kinds = dict(ada.run(dear))
    assert "/docs/errors#" in kinds["failed"]["html"]
    assert "Nothing was charged" in kinds["failed"]["html"]
    assert usage_list(organization_id=ada.who.organization.id)[0].charge_nanos == 0
    # Nor may it be asked from elsewhere than its rules say.
    api_key_update(
        organization_id=ada.who.organization.id, api_key_id=key.id, changes={"allowed_ips": ["203.0.113.0/24"]}
    )
    wait_until(lambda: "may not be used from" in dict(ada.run(model))["failed"]["html"], "the rule holds")


def test_without_scripts_the_whole_answer_is_in_the_page(gateway_server, ada):
    model = gateway_server.model(scripts.stream(*wire.openai_stream("Two ", "<plums>")))
    page = ada.client.post(ada.who.path("playground"), data=ada.form(model, "How many?"))
    assert page.status_code == 200
    assert "Two &lt;plums&gt;" in page.text
    assert "1,000 in, 200 out" in page.text
    assert "no-store" in page.headers["cache-control"]
    # What the page carries along is what the next message continues.
    (carried,) = re.findall(r'name="history" value="([^"]*)"', page.text)
    carried = carried.replace("&quot;", '"').replace("&lt;", "<").replace("&gt;", ">")
    ada.client.post(ada.who.path("playground"), data={**ada.form(model, "And now?"), "history": carried})
    sent = model.requests()[-1].json["messages"]
    assert [one["content"] for one in sent] == ["How many?", "Two <plums>", "And now?"]


def test_no_word_of_it_is_kept(gateway_server, ada, caplog, capfd):
    model = gateway_server.model(scripts.stream(*wire.openai_stream("Answered ", MARK)))
    assert MARK in str(ada.run(model, f"Asked {MARK}", system=MARK))
    broken = gateway_server.model(scripts.stream(wire.OPENAI_ROLE, wire.openai_chunk({"content": MARK}), end="cut"))
    ada.run(broken, f"Asked {MARK}")
    assert MARK in ada.client.post(ada.who.path("playground"), data=ada.form(model, MARK)).text
    ada.client.post(ada.who.path("playground/code"), data=ada.form(model, MARK))
    assert tables_with(MARK) == []
    assert "/v1/chat/completions" in caplog.text
    printed = capfd.readouterr()
    assert MARK not in caplog.text + printed.out + printed.err


def test_a_page_of_another_site_cannot_run_it(gateway_server, ada):
    model = gateway_server.model(scripts.stream(*wire.openai_stream()))
    form = {**ada.form(model), "csrfmiddlewaretoken": "x" * 64}
    assert ada.client.post(ada.who.path("playground/run"), data=form).status_code == 403
    other = somebody()
    assert ada.client.post(other.path("playground/run"), data=ada.form(model)).status_code == 404
    assert model.requests() == []
