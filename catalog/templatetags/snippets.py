"""Code on pages: coloured on the server with CSS classes, never inline styles."""

from django import template
from django.utils.safestring import SafeString, mark_safe
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexers import get_lexer_by_name

register = template.Library()
_FORMATTER: "HtmlFormatter[str]" = HtmlFormatter(nowrap=True)


@register.filter
def highlighted(code: str, language: str) -> SafeString:
    """The code as escaped HTML with Pygments' classes."""
    html = highlight(code.strip("\n"), get_lexer_by_name(language), _FORMATTER)
    return mark_safe(html.rstrip("\n"))  # noqa: S308 -- Pygments escapes the code it wraps
