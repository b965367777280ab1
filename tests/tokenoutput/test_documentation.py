"""The documentation: every link and anchor leads somewhere, twins say the same, nothing promised is missing."""

import re
from html import unescape
from html.parser import HTMLParser
from urllib.parse import parse_qs, urldefrag, urljoin, urlsplit

import pytest
from django.conf import settings
from django.core.cache import cache

from accounts.services import api_key_create
from catalog.docs.registry import snippets
from gateway.errors import DETAILS, Reason
from tests.tokenoutput.pages import PASSWORD, catalog_make, catalog_only, visitor
from tests.tokenoutput.test_pages import text_of
from tests.tokenoutput.test_signup import verify
from tokenoutput.api import errors
from tokenoutput.api.reasons import REASONS
from tokenoutput.documentation.contents import pages
from tokenoutput.documentation.legal import LEGAL
from tokenoutput.documentation.markdown import document, twin_of

pytestmark = pytest.mark.django_db
SITE = "https://api.example.test"
SLUGS = [page.slug for page in pages()]
# The sentences of the documentation that was promised.
PROMISED = [
    "Reference docs for request examples, authentication, model catalog details, and error handling.",
    "Start here for request format, SDK usage, public model IDs, and billing-related implementation notes.",
    "Contents",
    "Use the same request shape as OpenAI. Change only your base URL and the public model ID.",
    "All requests require your API key in the Authorization header.",
    "Set stream: true to receive SSE chunks.",
    "These are the public model IDs currently available to users.",
    "For plan comparison and buying guidance, use the pricing page .",
    "Use Anthropic SDKs and Claude Code through /v1/messages . The API key may be sent as x-api-key .",
    "Create your account when you're ready to move from docs into live usage. Get started",
]


@pytest.fixture(autouse=True)
def catalog(settings):
    settings.SITE_URL = SITE
    catalog_make()
    catalog_only("small", "wide", "gift")


class Links(HTMLParser):
    """What a page links to and can be linked to at."""

    def __init__(self, html):
        super().__init__()
        self.hrefs, self.ids, self.code = [], [], []
        self._in_code = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self.hrefs.append(given["href"])
        if given.get("id"):
            self.ids.append(given["id"])
        if tag == "pre":
            self._in_code = True
            self.code.append("")

    def handle_endtag(self, tag):
        self._in_code = self._in_code and tag != "pre"

    def handle_data(self, data):
        if self._in_code:
            self.code[-1] += data


def path_of(page):
    return "/docs/" if page == "index" else f"/docs/{page}"


def words_of(text):
    return " ".join(re.findall(r"\w+", text))


def test_every_link_and_anchor_of_the_public_pages_leads_somewhere(client):
    seen, waiting = {}, ["/"]
    while waiting:
        path = waiting.pop()
        response = client.get(path)
        if response.status_code == 302:  # The dashboard asks who is there.
            assert path.startswith("/app/"), path
            seen[path] = Links("")
            continue
        assert response.status_code == 200, path
        html = response["Content-Type"].startswith("text/html")
        seen[path] = Links(response.content.decode() if html else "")
        assert len(seen[path].ids) == len(set(seen[path].ids)), f"{path} has an id twice"
        for href in seen[path].hrefs:
            target = urlsplit(urljoin(path, href))
            inside = not target.netloc and not target.path.startswith(("/accounts/", "/admin/")) and not target.query
            if inside and target.path not in seen and target.path not in waiting:
                waiting.append(target.path)
    assert {*map(path_of, SLUGS), "/legal/terms", "/docs/errors.md", "/models/small"} <= set(seen)
    for path, links in seen.items():
        for href in links.hrefs:
            target, anchor = urldefrag(urljoin(path, href))
            if anchor and target.split("?")[0] in seen:
                assert anchor in seen[target.split("?")[0]].ids, f"{path} links to {href}"


@pytest.mark.parametrize("slug", SLUGS)
def test_a_twin_says_what_the_page_says(client, slug):
    html = client.get(path_of(slug)).content.decode()
    response = client.get(f"/docs/{slug}.md")
    assert response["Content-Type"] == "text/markdown; charset=utf-8"
    twin = response.content.decode()
    shown = unescape(text_of(client.get(path_of(slug))))
    fences = re.findall(r"^```\w*\n(.*?)^```$", twin, re.DOTALL | re.MULTILINE)
    prose = re.sub(r"^```.*?^```$", "", twin, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^(#{1,3}) (.+)$", prose, re.MULTILINE)
    assert [str(len(signs)) for signs, _ in headings] == re.findall(r"<h([123]) id=", html)
    for _, title in headings:
        assert words_of(title) in words_of(shown)
    assert [fence.strip() for fence in fences] == [code.strip() for code in Links(html).code]
    for line in prose.splitlines():
        if line and not line.startswith(("|", "#")) and "](" not in line:
            assert words_of(re.sub(r"^\d+\. ", "", line)) in words_of(shown), line
    assert "{#" not in twin
    assert "{{" not in twin
    assert "{%" not in twin
    assert "](/" not in twin


@pytest.mark.parametrize("slug", ["index", "errors"])
def test_who_asks_for_markdown_gets_it(client, slug):
    asked = client.get(path_of(slug), headers={"accept": "text/markdown"})
    assert asked.content == client.get(f"/docs/{slug}.md").content
    assert {"Accept", "Cookie"} <= {name.strip() for name in asked["Vary"].split(",")}
    browser = client.get(path_of(slug), headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert browser["Content-Type"].startswith("text/html")
    assert client.get(path_of(slug), headers={"accept": "*/*"})["Content-Type"].startswith("text/html")
    assert browser["Link"] == f'</docs/{slug}.md>; rel="alternate"; type="text/markdown"'


@pytest.mark.parametrize("words", PROMISED)
def test_the_first_page_keeps_the_promised_words(client, words):
    assert words_of(words) in words_of(text_of(client.get("/docs/")))


def test_every_sample_is_on_some_page(client):
    shown = {slug: client.get(f"/docs/{slug}.md?model=small").content.decode() for slug in SLUGS}
    embedding = snippets(base_url=SITE, model="your-model-id")
    for sample in snippets(base_url=SITE, model="small").values():
        code = embedding[sample.id].code if sample.speaks == "embeddings" else sample.code
        assert any(code in text for text in shown.values()), sample.id


def test_every_reason_has_its_section(client):
    page = client.get("/docs/errors")
    links = Links(page.content.decode())
    text = text_of(page)
    for reason in Reason:
        assert (reason.value.openai_code or "invalid_request") in links.ids
        assert f"{reason.value.status} · {reason.value.meaning} · OpenAI {reason.value.openai_type}" in text
    assert text.count("What to do:") == text.count("Charged:") == len(Reason)
    for detail in DETAILS:
        assert f"#{detail}" in links.hrefs  # its own heading's


def test_every_reason_of_the_management_api_has_its_section(client):
    """Those that the code raises, found in its text: whoever adds one explains it."""
    sources = "\n".join(path.read_text() for path in (settings.BASE_DIR / "tokenoutput" / "api").rglob("*.py"))
    written = set(re.findall(r'\breason="(\w+)"', sources))
    assert written | {reason for _, _, reason in errors._REFUSALS} | set(errors._REASONS.values()) <= set(REASONS)
    links = Links(client.get("/docs/errors").content.decode())
    for reason in REASONS:
        assert reason in links.ids
        assert links.hrefs.count(f"#{reason}") >= 2  # from the table, and its own heading's


@pytest.mark.parametrize("path", ["/docs/no-such-page", "/docs/no-such-page.md", "/legal/no-such", "/legal/no-such.md"])
def test_other_names_are_not_there(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("page", LEGAL, ids=lambda page: page.slug)
def test_a_legal_text_says_that_it_is_a_placeholder_and_from_when(client, page):
    for path, headers in ((f"/legal/{page.slug}", {"accept": "text/markdown"}), (f"/legal/{page.slug}.md", {})):
        assert "Placeholder of 29 November 2026" in client.get(path, headers=headers).content.decode()
    text = text_of(client.get(f"/legal/{page.slug}"))
    assert "Placeholder of 29 November 2026" in text
    assert "replaces this text" in text


def test_a_language_once_chosen_is_open_everywhere(client):
    first = r'<input type="radio"[^>]*value="([\w-]+)"[^>]*\schecked'
    assert set(re.findall(first, client.get("/docs/streaming").content.decode())) == {"curl"}
    client.get("/docs/streaming?language=nodejs")
    assert set(re.findall(first, client.get("/docs/anthropic").content.decode())) == {"nodejs"}
    client.get("/docs/streaming?language=cobol")
    assert set(re.findall(first, client.get("/docs/anthropic").content.decode())) == {"nodejs"}


def test_a_model_once_chosen_is_in_every_example(client):
    assert "small" in text_of(client.get("/docs/sdks"))
    client.get("/docs/quickstart?model=wide")
    assert any('model="wide"' in code for code in Links(client.get("/docs/sdks").content.decode()).code)
    assert any('model="small"' in code for code in Links(client.get("/docs/sdks?model=none").content.decode()).code)


def test_a_strangers_choice_goes_along_through_the_sign_up_to_the_quickstart(client):
    cache.clear()  # Limits on attempts count there.
    page = client.get("/docs/quickstart?model=wide&language=nodejs").content.decode()
    assert "Get a key, 30 s" in page
    (start,) = re.findall(r'href="([^"]+)"\s+data-start', page)
    (wanted,) = parse_qs(urlsplit(start).query)["next"]
    assert wanted == "/app/quickstart?language=nodejs&model=wide"
    form = client.get(start).content.decode()
    assert wanted in [unescape(kept) for kept in re.findall(r'name="next" value="([^"]+)"', form)]
    client.post("/accounts/signup/", {"email": "ada@example.com", "password1": PASSWORD, "next": wanted})
    answer = verify(client)
    assert answer["Location"] == wanted
    quickstart = client.get(wanted, follow=True)
    assert quickstart.redirect_chain[-1][0] == "/app/ada/quickstart?language=nodejs&model=wide"
    shown = quickstart.content.decode()
    assert re.findall(r'value="(\w+)"\s+autocomplete="off"\s+checked', shown) == ["node_openai"]
    assert "wide" in unescape(shown)


def test_the_quickstart_opens_with_what_is_shown_where_nothing_was_chosen(client):
    page = client.get("/docs/sdks").content.decode()
    assert "/accounts/signup/?next=%2Fapp%2Fquickstart%3Flanguage%3Dcurl%26model%3Dsmall" in page
    agents = client.get("/docs/claude-code").content.decode()
    assert "language%3Dclaude-code%26model%3Dsmall" in agents
    assert 'href="/app/quickstart?language=curl&amp;model=small"' in visitor().client.get("/docs/sdks").content.decode()


def test_who_is_signed_in_sees_which_key_is_meant():
    ada = visitor()
    assert "Make a key" in text_of(ada.client.get("/docs/quickstart"))
    key = api_key_create(organization_id=ada.organization.id, name="ci-bot")
    text = text_of(ada.client.get("/docs/quickstart"))
    assert "ci-bot" in text
    assert key.secret not in text
    assert "Get a key, 30 s" not in text


@pytest.mark.parametrize("path", ["/docs/quickstart", "/docs/errors", "/docs/models"])
def test_a_page_costs_few_queries(client, path, django_assert_max_num_queries):
    with django_assert_max_num_queries(5):
        client.get(path)


# What people ask of platforms like this one, by the section that answers, and words that its answer cannot do without.
ASKED = {
    "failed": "fails before any output costs nothing empty the tokens that its provider counted",
    "provider": "one or several routes",
    "more": "never another than the one in the catalog",
    "cancel": "hanging up",
    "forbidden": "kept to IP addresses key_addresses manage_url",
    "agents": "a key of its own with a daily limit",
    "users": "Keys are free",
    "automatic": "below which balance how much the most in a month",
    "subscription": "No",
    "export": "CSV management API",
    "expire": "What you buy does not",
    "card": "Remove card",
    "dpa": "Here",
    "logs": "What is kept",
    "refund": "did not spend",
    "leave": "hand them over",
}


@pytest.mark.parametrize("anchor", ASKED)
def test_what_people_ask_is_answered(client, anchor):
    page = client.get("/docs/faq").content.decode()
    section = re.search(rf'<h3 id="{anchor}">(.*?)(?=<h[23] |</article>)', page, re.DOTALL)
    assert section, f"no question #{anchor}"
    said = words_of(unescape(re.sub(r"<[^>]+>", " ", section[1])))
    for words in re.findall(r"\w+", ASKED[anchor]):
        assert words in said.split()


HOSTILE = "<script>alert(1)</script> [x](javascript:alert(1)) ![i](http://elsewhere.example/i.png) &lt;b&gt;"


def test_markup_in_the_text_is_text():
    html = document(f"# {HOSTILE}\n\n{HOSTILE}\n\n| a |\n| - |\n| {HOSTILE} |\n").html
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html


def test_fences_that_follow_one_another_are_tabs():
    fence = '```bash tab="curl" title="One"\na\n```\n\n'
    other = '```python tab="Python" title="Two"\nb\n```\n\n'
    assert document(fence + other).html.count("data-tabs") == 1
    assert document(fence + "Words.\n\n" + other).html.count("data-tabs") == 0
    assert twin_of(fence, SITE) == "```bash\na\n```\n"
