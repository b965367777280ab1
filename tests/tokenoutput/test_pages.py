"""Public pages, the overview and what is shown when something went wrong, as a browser asks for them."""

import re

import pytest
from django.test import Client

from accounts.services import api_key_create, organization_create
from catalog.models import Model
from catalog.selectors import catalog_list
from tests.tokenoutput.pages import catalog_make, catalog_only, visitor
from tokenoutput.forms import CatalogFilterForm

pytestmark = pytest.mark.django_db
PUBLIC = [
    "/",
    "/models",
    "/pricing",
    "/status",
    "/docs/",
    "/docs/conversion",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
]


@pytest.fixture
def catalog():
    catalog_make()
    catalog_only("small", "wide", "gift")


def text_of(response):
    """The page's words, as a reader has them."""
    html = re.sub(r"<(script|style).*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("&quot;", '"').replace("&#x27;", "'").split())


@pytest.mark.parametrize("path", PUBLIC)
def test_public_pages_stand_with_and_without_models(client, catalog, path):
    assert client.get(path).status_code == 200
    Model.objects.update(listed=False)
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", PUBLIC)
def test_nothing_is_inline_and_nothing_comes_from_elsewhere(client, catalog, path):
    response = client.get(path)
    html = response.content.decode()
    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*(?:\ssrc=|application/json))", html)
    loaded = re.findall(r'(?:\ssrc|<link(?![^>]*alternate)[^>]*\shref)="([^"]+)"', html)
    assert len(loaded) >= 4
    assert [url for url in loaded if not url.startswith("/static/")] == []


def test_the_docs_carry_the_whole_contract(client, catalog, settings):
    settings.SITE_URL = "https://api.example.test"
    text = text_of(client.get("/docs/"))
    for words in (
        "Use the same request shape as OpenAI. Change only your base URL and the public model ID.",
        "All requests require your API key in the Authorization header.",
        "These are the public model IDs currently available to users.",
        "Public Model ID Description Limits Protocols Pricing",
        "400 Bad request or unsupported model",
        "401 Invalid or missing API key",
        "402 Insufficient pay-as-you-go balance",
        "429 Rate limited",
        "502 Upstream provider error",
        "Anthropic Messages openai_chat provider_default Anthropic request converted to OpenAI upstream",
        "OpenAI Chat anthropic_messages provider_default OpenAI request converted to Anthropic upstream",
        "Any Any openai_chat / anthropic_messages Model override wins",
        "Create your account when you're ready to move from docs into live usage.",
        "https://api.example.test/v1/chat/completions",
        "https://api.example.test/v1/messages",
        '"ANTHROPIC_BASE_URL" : "https://api.example.test"',
        "The API key may be sent as x-api-key",
        "to receive SSE chunks",
    ):
        assert words in text, words


def test_the_docs_say_what_claude_code_trips_over(client, catalog):
    text = text_of(client.get("/docs/"))
    for words in ("without /v1", "ANTHROPIC_AUTH_TOKEN", 'ANTHROPIC_API_KEY=""', "~/.claude/settings.json", "/logout"):
        assert words in text, words


def test_the_docs_fill_in_the_model_that_is_asked_for(client, catalog):
    assert '"small"' in text_of(client.get("/docs/"))
    assert '"model": "wide"' in text_of(client.get("/docs/?model=wide"))
    assert '"model": "small"' in text_of(client.get("/docs/?model=%3Cscript%3E"))


def test_without_models_the_docs_carry_a_placeholder(client):
    catalog_only()
    text = text_of(client.get("/docs/"))
    assert "your-model-id" in text
    assert "No models yet" in text


def test_prices_are_shown_as_they_are_charged(client, catalog):
    text = text_of(client.get("/models"))
    assert "Input $0.10 Output $0.40 Cached input $0.01 Cache write, 5 min $0.125 Cache write, 1 h $0.20" in text
    assert "Above 256K input Input $0.20 Output $0.80" in text
    assert "gift" in text
    assert "Free" in text
    example = text_of(client.get("/"))
    assert "1,200 input \N{MULTIPLICATION SIGN} $0.10 / 1M $0.00012" in example
    assert "One request $0.00026" in example


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("q=trying+small", {"small"}),
        ("q=LONG-context", {"wide"}),
        ("protocol=nonsense&sort=nonsense", {"small", "wide", "gift"}),
        ("q=no-such-model", set()),
        ("q=%00", {"small", "wide", "gift"}),
    ],
)
def test_the_catalog_is_searched_and_filtered(client, catalog, query, shown):
    response = client.get(f"/models?{query}")
    ids = set(re.findall(r'<code id="model-[^"]+">([^<]+)</code>', response.content.decode()))
    assert ids == shown
    assert response.status_code == 200


def test_a_protocol_leaves_the_models_that_answer_it(catalog):
    rows = catalog_list()
    answering = {"anthropic_messages": ["small"], "openai_chat": ["small", "wide", "gift"]}
    for protocol, ids in answering.items():
        assert [row.public_id for row in CatalogFilterForm({"protocol": protocol}).rows(rows)] == ids


def test_the_catalog_is_ordered_by_what_is_asked(client, catalog):
    ids = re.findall(r'<code id="model-[^"]+">([^<]+)</code>', client.get("/models?sort=-context").content.decode())
    assert ids[0] == "wide"
    ids = re.findall(r'<code id="model-[^"]+">([^<]+)</code>', client.get("/models?sort=input").content.decode())
    assert ids[0] == "gift"


@pytest.mark.parametrize("path", ["/", "/models", "/docs/"])
def test_public_pages_cost_few_queries(client, catalog, path, django_assert_max_num_queries):
    with django_assert_max_num_queries(9):
        client.get(path)


@pytest.mark.parametrize("page", ["", "keys", "usage", "billing", "alerts"])
def test_the_dashboard_is_for_members(client, page):
    ada, eve = visitor("ada"), visitor("eve")
    assert ada.client.get(ada.path(page)).status_code == 200
    foreign = eve.client.get(ada.path(page))
    unknown = eve.client.get(f"/app/no-such-organisation/{page}")
    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert ada.organization.name not in text_of(foreign).replace("ada@example.com", "")
    stranger = client.get(ada.path(page))
    assert stranger["Location"] == f"/accounts/login/?next={ada.path(page)}"


@pytest.mark.parametrize("page", ["", "keys", "usage", "billing", "alerts"])
def test_dashboard_pages_cost_few_queries_and_are_never_cached(page, django_assert_max_num_queries):
    ada = visitor()
    with django_assert_max_num_queries(14):
        response = ada.client.get(ada.path(page))
    assert "no-store" in response["Cache-Control"]


def test_the_dashboard_begins_at_the_first_organisation(client):
    ada = visitor()
    api_key_create(organization_id=ada.organization.id, name="ci")
    assert ada.client.get("/app/")["Location"] == ada.path()
    assert client.get("/app/")["Location"] == "/accounts/login/?next=/app/"


def test_organisations_are_changed_in_the_header():
    ada = visitor()
    assert "Change organisation" not in text_of(ada.client.get(ada.path()))
    organization_create(name="Second home", owner=ada.user)
    assert "/app/second-home/" in ada.client.get(ada.path()).content.decode()


def test_the_first_request_waits_on_an_empty_overview(catalog):
    ada = visitor()
    assert "Start with the quickstart" in text_of(ada.client.get(ada.path()))
    text = text_of(ada.client.get(ada.path("quickstart")))
    assert "Create my first key" in text
    assert '"model": "small"' in text
    assert "Waiting for your first request" in text
    api_key_create(organization_id=ada.organization.id, name="ci")
    assert "Make another key" in text_of(ada.client.get(ada.path("quickstart")))


@pytest.mark.parametrize("path", ["/no-such-page", "/app/not_a-slug!/keys", "/models/"])
def test_what_is_not_there_is_answered_in_the_sites_look(client, path, settings):
    settings.DEBUG = False
    response = client.get(path)
    assert response.status_code == 404
    assert "There is nothing here" in text_of(response)


def test_our_own_fault_needs_neither_session_nor_database(settings, monkeypatch, django_assert_num_queries):
    settings.DEBUG = False
    client = Client(raise_request_exception=False)
    monkeypatch.setattr("tokenoutput.catalog_views.catalog_list", lambda **_: 1 / 0)
    with django_assert_num_queries(0):
        response = client.get("/models")
    assert response.status_code == 500
    assert "Our mistake" in text_of(response)


def test_a_form_without_its_token_is_refused_kindly(settings):
    settings.DEBUG = False
    client = Client(enforce_csrf_checks=True)
    response = client.post("/accounts/login/", {"login": "a@example.com", "password": "x"})
    assert response.status_code == 403
    assert "The form was too old" in text_of(response)


def test_public_pages_take_no_posts(client):
    assert {client.post(path).status_code for path in ("/", "/models", "/docs/")} == {405}
