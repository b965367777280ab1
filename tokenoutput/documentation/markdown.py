"""Our Markdown as HTML: anchored headings, code with a copy button, neighbours as tabs, tables that fold on phones."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, pairwise

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tokenoutput.documentation.table_tokens import tables_prepare

_ANCHOR = re.compile(r"\s*\{#([\w-]+)\}$")
_INFO = re.compile(r'(?P<language>\w*)(?: tab="(?P<label>[^"]+)")?(?: title="(?P<title>[^"]+)")?')


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading with an address of its own."""

    level: int
    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Document:
    """A page's text in HTML, and its headings in order."""

    html: SafeString
    headings: tuple[Heading, ...]

    @property
    def title(self) -> str:
        """The page's own heading."""
        return next((heading.title for heading in self.headings if heading.level == 1), "")

    @property
    def sections(self) -> list[Heading]:
        """What "On this page" lists."""
        return [heading for heading in self.headings if heading.level == 2]


@dataclass(frozen=True, slots=True)
class Code:
    """A fenced block: a reader's choice of `label` is remembered by its short name, `tab`."""

    id: str
    language: str
    tab: str
    label: str
    title: str
    code: str


@lru_cache(maxsize=256)
def document(text: str, *, language: str = "", locale: str = "") -> Document:
    """The same text always gives the same page; `language` names the tab that is open first.

    `locale` keeps apart what our own words around the text are in.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    tokens = parser.parse(text)
    headings = tuple(_headings(tokens))
    tables_prepare(tokens)
    html = "".join(_blocks(parser, tokens, language))
    return Document(mark_safe(html), headings)  # noqa: S308 -- the parser escapes all HTML in the text


def twin_of(text: str, site_url: str) -> str:
    """The text as others read Markdown: without our marks in headings and fences, links with their host."""
    text = re.sub(r"^(#+ .*?)\s*\{#[\w-]+\}$", r"\1", text, flags=re.MULTILINE)
    text = re.sub(r"^(```\w*) (?:tab|title)=.*$", r"\1", text, flags=re.MULTILINE)
    return text.replace("](/", f"]({site_url}/").strip() + "\n"


def _headings(tokens: Sequence[Token]) -> list[Heading]:
    found = []
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open":
            continue
        anchor = _ANCHOR.search(inline.content)
        last = (inline.children or [])[-1]
        last.content = _ANCHOR.sub("", last.content)
        title = "".join(child.content for child in inline.children or [])
        heading = Heading(int(opening.tag[1]), anchor[1] if anchor else _slug(title), title)
        opening.attrSet("id", heading.id)
        if heading.level > 1:
            _link_append(inline, heading)
        found.append(heading)
    return found


def _link_append(inline: Token, heading: Heading) -> None:
    label = _("Link to “%(title)s”") % {"title": heading.title}
    attributes: dict[str, str | int | float] = {
        "class": "heading-link",
        "href": f"#{heading.id}",
        "aria-label": label,
    }
    opening = Token("link_open", "a", 1, attrs=attributes)
    inline.children = [*(inline.children or []), opening, Token("link_close", "a", -1)]


def _slug(title: str) -> str:
    return re.sub(r"[^\w]+", "-", title.lower()).strip("-")


def _blocks(parser: MarkdownIt, tokens: list[Token], language: str) -> list[str]:
    """HTML of the top-level blocks; fences that follow one another become one group of tabs."""
    numbers, html = count(1), []
    at = 0
    while at < len(tokens):
        end = at
        if tokens[at].type == "fence":
            while end < len(tokens) and tokens[end].type == "fence":
                end += 1
            html.append(_code([_code_of(token, next(numbers)) for token in tokens[at:end]], language))
        else:
            while end < len(tokens) and tokens[end].type != "fence":
                end += 1
            html.append(parser.renderer.render(tokens[at:end], parser.options, {}))
        at = end
    return html


def _code_of(fence: Token, number: int) -> Code:
    info = _INFO.match(fence.info.strip())
    given = info.groupdict() if info else {}
    language = given.get("language") or "text"
    title = given.get("title") or language
    label = given.get("label") or language
    return Code(f"code-{number}", language, slugify(label), label, title, fence.content.rstrip("\n"))


def _code(blocks: list[Code], language: str) -> str:
    if len(blocks) == 1:
        return render_to_string("docs/code.html", {"block": blocks[0]})
    chosen = next((block.tab for block in blocks if block.tab == language), blocks[0].tab)
    return render_to_string("docs/tabs.html", {"blocks": blocks, "chosen": chosen, "name": blocks[0].id})
