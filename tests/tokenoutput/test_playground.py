"""The playground's page as a browser asks for it, and the code it gives away."""

import json
import re
import subprocess
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.api_key_selectors import api_key_by_id
from accounts.api_keys import api_key_disable, api_key_update
from accounts.members import member_remove
from accounts.models import ApiKey
from accounts.playground_keys import playground_key_create, playground_key_get
from billing.ledger import wallet_status_set
from billing.selectors import wallet_get
from catalog.models import Model
from tests.tokenoutput.pages import catalog_make, catalog_only, member, visitor
from tests.tokenoutput.test_pages import text_of
from tokenoutput.playground.answer import AnswerReader, Failed, Text, Thinking
from tokenoutput.playground.code import code_tabs
from tokenoutput.playground.forms import Question, Turn

HOSTILE = 'It\'s "quoted" `id` $(id) \\n\n</code><script>alert(1)</script> ${x} \u2028 é 🍑'
QUESTION = Question(
    model="small",
    turns=(Turn("user", HOSTILE), Turn("assistant", "Yes."), Turn("user", "Why?")),
    system="Be'brief",
    max_tokens=9,
    temperature=1.5,
)
SYSTEM = {"role": "system", "content": "Be'brief"}
SAID = [{"role": turn.role, "content": turn.content} for turn in QUESTION.turns]


@pytest.fixture
def ada(db):
    catalog_make()
    catalog_only("small", "wide", "gift")
    return visitor()


def test_the_model_that_was_open_is_chosen_and_another_is_said(ada):
    there = ada.client.get("/app/playground?model=wide")
    assert there["Location"] == ada.path("playground?model=wide")
    page = ada.client.get(there["Location"]).content.decode()
    assert re.search(r'<option value="wide"[^>]*selected', page)
    assert "no-store" in ada.client.get(ada.path("playground"))["Cache-Control"]
    unknown = ada.client.get(ada.path("playground?model=no-such"))
    assert "“no-such” cannot be tried here" in text_of(unknown)
    # Looking makes no key.
    assert not ApiKey.objects.filter(organization_id=ada.organization.id).exists()
    shown = ada.client.get("/models/small").content.decode()
    assert "/app/playground?model=small" in shown
    ada.client.logout()
    assert ada.client.get("/app/playground?model=wide")["Location"].endswith("next=/app/playground%3Fmodel%3Dwide")


def test_what_is_in_the_way_is_said_with_the_one_thing_to_do(ada):
    who = {"organization_id": ada.organization.id, "member_id": ada.organization.member_id}

    def shown(person=ada):
        page = person.client.get(person.path("playground"))
        button = re.search(r"<button[^>]*data-submit[^>]*>", page.content.decode())
        return text_of(page), button is not None and "disabled" not in button[0]

    assert "Your first run makes an API key" in shown()[0]
    key_id = playground_key_create(**who)
    assert key_id is not None
    rules: dict[str, Any] = {"organization_id": ada.organization.id, "api_key_id": key_id}
    api_key_update(**rules, changes={"allowed_models": ["wide"]})
    page = ada.client.get(ada.path("playground?model=small")).content.decode()
    assert re.findall(r'<option value="(\w+)"', page) == ["wide"]
    refused = ada.client.post(ada.path("playground/run"), {"model": "small", "message": "Hello"})
    assert (refused.status_code, refused.json()["fields"]) == (422, ["model"])
    assert "not for sale here" in refused.json()["html"]
    api_key_disable(**rules)
    words, runs = shown()
    assert ("Your playground key is off" in words, runs) == (True, False)
    stopped = ada.client.post(ada.path("playground/run"), {"model": "wide", "message": "Hello"})
    assert (stopped.status_code, "Your playground key is off" in stopped.json()["html"]) == (409, True)
    ApiKey.objects.filter(id=key_id).update(disabled_at=None, allowed_models=None)

    wallet = wallet_get(organization_id=ada.organization.id)
    wallet_status_set(wallet_ids=[wallet.wallet_id], status="frozen")
    words, runs = shown()
    assert ("Your wallet is closed" in words, runs) == (True, False)
    Model.objects.update(listed=False)
    assert "There is no model to try yet" in shown()[0]


def test_a_server_without_a_gateway_says_so_and_keeps_what_was_written(ada):
    asked = {"model": "small", "message": "Where are the plums?", "history": "[]"}
    page = ada.client.post(ada.path("playground"), asked)
    assert page.status_code == 503
    assert "takes no requests just now" in text_of(page)
    assert "Where are the plums?" in page.content.decode()
    empty = ada.client.post(ada.path("playground"), asked | {"message": " \n", "temperature": "3"})
    assert empty.status_code == 422
    assert empty.content.decode().count('aria-invalid="true"') == 2
    for history in ("{", '[{"role":"system","content":"x"}]', '[{"role":"user","content":"x"}]', "[1]"):
        assert ada.client.post(ada.path("playground"), asked | {"history": history}).status_code == 422


def test_a_leaving_members_playground_goes_with_them(ada):
    bo = member(ada, role="developer")
    who = {"organization_id": ada.organization.id, "member_id": bo.organization.member_id}
    key_id = playground_key_create(**who)
    assert key_id is not None
    assert playground_key_create(**who) is None
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.create(
            organization_id=ada.organization.id, member_id=who["member_id"], name="Second", key_hash=b"x" * 32,
            is_playground=True,
        )  # fmt: skip
    playground_key_create(organization_id=ada.organization.id, member_id=ada.organization.member_id)
    mine = ada.organization.member_id
    member_remove(**who, keys="hand_over", by_member_id=mine, to_member_id=mine)
    left = api_key_by_id(organization_id=ada.organization.id, api_key_id=key_id)
    assert left is not None
    assert (left.state, left.member_id) == ("revoked", None)
    assert playground_key_get(**who) is None


def code(protocol, name):
    tabs = code_tabs(QUESTION, protocol=protocol, base_url="https://api.example")
    return next(tab.snippet.code for tab in tabs if tab.label == name)


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
def test_the_code_asks_exactly_what_was_asked(protocol):
    anthropic = {"model": "small", "max_tokens": 9, "system": "Be'brief", "temperature": 1.0, "messages": SAID}
    openai = {"model": "small", "messages": [SYSTEM, *SAID], "max_tokens": 9, "temperature": 1.5}
    wanted = openai if protocol == "openai" else anthropic
    # A shell reads the one: its curl prints what it is given.
    shell = 'curl() { while [ "$1" != -d ]; do shift; done; printf %s "$2"; }\n'
    printed = subprocess.run(["bash", "-c", shell + code(protocol, "curl")], capture_output=True, check=True)
    assert json.loads(printed.stdout) == wanted
    # Python runs the other.
    sent = _python_run(code(protocol, "Python"))
    assert sent == wanted
    # And a request is all that JavaScript's differs in: its names are bare.
    found = re.search(r"create\((\{.*?\n\})\);", code(protocol, "Node.js"), re.DOTALL)
    assert found
    quoted = re.sub(r"([{ ])(model|messages|max_tokens|system|temperature|role|content): ", r'\1"\2": ', found[1])
    assert json.loads(re.sub(r",(\s*[\]}])", r"\1", quoted)) == wanted


def _python_run(text):
    sent: dict[str, Any] = {}
    choice = SimpleNamespace(message=SimpleNamespace(content=""))
    answer = SimpleNamespace(choices=[choice], content=[SimpleNamespace(text="")])

    def ask(**asked):
        sent.update(asked)
        return answer

    create = SimpleNamespace(create=ask)
    client = lambda **_: SimpleNamespace(chat=SimpleNamespace(completions=create), messages=create)  # noqa: E731 -- it stands for a class
    body = re.sub(r"^from \w+ import \w+\n", "", text)
    exec(body, {"OpenAI": client, "Anthropic": client, "print": lambda *_: None})
    return sent


def test_the_page_shows_the_code_of_what_is_in_the_form(ada):
    form = {"model": "wide", "message": HOSTILE, "max_tokens": "7", "history": "[]"}
    page = ada.client.post(ada.path("playground/code"), form).content.decode()
    assert "<script>alert" not in page
    for name in ("code-openai-curl_chat", "code-openai-node_openai", "code-anthropic-python_anthropic"):
        assert f'id="{name}"' in page
    assert page.count("wide") == 6
    # However little is filled in.
    assert "Hello!" in ada.client.post(ada.path("playground/code"), {}).content.decode()


def test_every_form_of_answer_is_read():
    def read(*pieces, status=200, kind=b"text/event-stream; charset=utf-8"):
        reader = AnswerReader()
        reader.begin(status, [(b"content-type", kind)])
        return [*(one for piece in pieces for one in reader.feed(piece)), *reader.finish()], reader.state

    def chunk(**choice):
        return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"

    done = b"data: [DONE]\n\n"
    assert read(b": ping\n\n", chunk(delta={"content": "a"}), chunk(delta={}, finish_reason="length"), done) == (
        [Text("a")],
        "length",
    )
    assert read(chunk(delta={"content": "", "reasoning_content": "hm"}), chunk(delta={"refusal": "No."}), done) == (
        [Thinking(), Text("No.")],
        "answered",
    )
    assert read(chunk(delta={"content": "a"})) == ([Text("a"), Failed("")], "cut")
    whole = b'{"choices": [{"message": {"content": "a"}, "finish_reason": "content_filter"}]}'
    assert read(whole[:9], whole[9:], kind=b"application/json") == ([Text("a")], "filtered")
    for body in (b"<html>", b"[]", b'{"error": "bare"}'):
        assert read(body, status=502, kind=b"text/html") == ([Failed("")], "refused")
