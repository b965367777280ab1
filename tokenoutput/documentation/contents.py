"""What pages the documentation has, in reading order, and what each is for."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its Markdown is the template `docs/<slug>.md`, unless `elsewhere` names another view's URL."""

    slug: str
    title: Any
    about: Any
    elsewhere: str = ""

    @property
    def url(self) -> str:
        """Where a browser reads it; empty while the other view does not exist."""
        if self.elsewhere:
            try:
                return reverse(self.elsewhere)
            except NoReverseMatch:
                return ""
        return reverse("docs") if self.slug == "index" else reverse("docs_page", args=[self.slug])


@dataclass(frozen=True, slots=True)
class Part:
    """Pages under one heading of the navigation."""

    title: Any
    pages: tuple[Page, ...]


INDEX = Page("index", _("Docs"), _("Request examples, authentication, the model catalog and errors on one page."))
PARTS = (
    Part(
        _("Start"),
        (
            Page("quickstart", _("Quick start"), _("From nothing to an answer in a minute.")),
            Page("authentication", _("Authentication"), _("API keys: where they go, and how to keep them.")),
            Page("keys", _("API keys"), _("Limits, expiry, models, addresses, rotation, and who takes over.")),
            Page("models", _("Model catalog"), _("Every public model ID, its limits and its price.")),
        ),
    ),
    Part(
        _("Make requests"),
        (
            Page("sdks", _("OpenAI SDKs"), _("Python, Node.js and curl with /v1/chat/completions; tools.")),
            Page("streaming", _("Streaming"), _("Server-sent events, their end, and who pays for what.")),
            Page("anthropic", _("Anthropic SDKs"), _("Messages, streaming and counting tokens.")),
            Page("responses", _("Responses"), _("OpenAI's Responses API, without storing anything.")),
            Page("embeddings", _("Embeddings"), _("Vectors from /v1/embeddings.")),
        ),
    ),
    Part(
        _("Coding agents"),
        (
            Page("claude-code", _("Claude Code"), _("Four settings, and the four things that go wrong.")),
            Page("codex", _("Codex"), _("A provider of your own in ~/.codex/config.toml.")),
        ),
    ),
    Part(
        _("Money"),
        (
            Page("billing", _("Billing"), _("How a request is priced, held and charged; ledger and receipts.")),
            Page("limits", _("Limits"), _("Spending limits, and requests a minute.")),
            Page("alerts", _("Alerts"), _("Mails and signed webhooks, and how to check them.")),
        ),
    ),
    Part(
        _("By program"),
        (
            Page("management", _("Manage by program"), _("Management keys, scopes, paging, exact amounts.")),
            Page("api", _("API reference"), _("Every endpoint, field by field."), elsewhere="docs_api"),
        ),
    ),
    Part(
        _("Look up"),
        (
            Page("errors", _("Errors"), _("Every code: what it means, whether it cost, what to do.")),
            Page("protocols", _("Protocol matrix"), _("What happens between your protocol and the provider's.")),
            Page("conversion", _("Conversion"), _("What becomes of each field between protocols.")),
            Page("privacy", _("Privacy of prompts"), _("What is kept of a request, and what never is.")),
            Page("faq", _("Questions"), _("Short answers about money, keys and data.")),
        ),
    ),
)


def pages() -> Iterator[Page]:
    """Every page whose text is ours, in reading order."""
    yield INDEX
    yield from (page for part in PARTS for page in part.pages if not page.elsewhere)


def page_get(slug: str) -> Page | None:
    """The page of that name."""
    return next((page for page in pages() if page.slug == slug), None)


def neighbours(page: Page) -> tuple[Page | None, Page | None]:
    """What is read before and after."""
    order = list(pages())
    at = order.index(page)
    return (order[at - 1] if at else None, order[at + 1] if at + 1 < len(order) else None)
