"""Code on pages: samples filled in, coloured on the server with CSS classes, never inline styles."""

from dataclasses import dataclass

from django import template
from django.conf import settings
from django.utils.safestring import SafeString, mark_safe
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from catalog.docs.registry import KEY_PLACEHOLDER, Snippet, snippets
from catalog.selectors import docs_model

register = template.Library()
MODEL_PLACEHOLDER = "your-model-id"
TABS = {
    "first": {"curl_chat": "curl", "python_openai": "Python", "node_openai": "Node.js", "claude_code": "Claude Code"},
    "openai": {"curl_chat": "curl", "python_openai": "Python", "node_openai": "Node.js"},
    "anthropic": {"curl_messages": "curl", "python_anthropic": "Python", "node_anthropic": "Node.js"},
}
_FORMATTER = HtmlFormatter(nowrap=True)


@dataclass(frozen=True, slots=True)
class Tab:
    """One sample and its short name among the others."""

    label: str
    snippet: Snippet


@register.simple_tag
def snippet_tabs(group: str, *, model: str | None = None, api_key: str = KEY_PLACEHOLDER) -> list[Tab]:
    """The samples of a group, with our address, the model (None: the docs' own) and the key filled in."""
    model = model or docs_model() or MODEL_PLACEHOLDER
    filled = snippets(base_url=settings.SITE_URL, model=model, key=api_key)
    return [Tab(label, filled[snippet_id]) for snippet_id, label in TABS[group].items()]


@register.simple_tag
def snippet(snippet_id: str, *, model: str | None = None) -> Snippet:
    """One sample by id."""
    return snippets(base_url=settings.SITE_URL, model=model or docs_model() or MODEL_PLACEHOLDER)[snippet_id]


@register.filter
def highlighted(code: str, language: str) -> SafeString:
    """The code as escaped HTML with Pygments' classes."""
    html: str = highlight(code.strip("\n"), get_lexer_by_name(language), _FORMATTER)
    return mark_safe(html.rstrip("\n"))  # noqa: S308 -- Pygments escapes the code it wraps


@register.simple_tag(takes_context=True)
def samples(context: template.Context, *ids: str) -> str:
    """Samples as fenced Markdown, one under another: a page shows neighbours as tabs.

    The context says which model each kind of sample calls: `models`, by what the sample speaks.
    """
    models: dict[str, str] = context["models"]
    filled = {speaks: snippets(base_url=settings.SITE_URL, model=model) for speaks, model in models.items()}
    chosen = [filled[filled["openai"][snippet_id].speaks][snippet_id] for snippet_id in ids]
    return "\n\n".join(
        f'```{each.language} tab="{each.label}" title="{each.title}"\n{each.code}\n```' for each in chosen
    )
