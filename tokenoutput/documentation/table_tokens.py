"""Markdown's tables made accessible: named regions, scopes, row headers, and labels for narrow screens."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise

from markdown_it.token import Token

# A cell that says nothing but one of these is a badge.
BADGES = {"carried": "badge badge-good", "dropped": "badge", "refused": "badge badge-warning"}
_ROLES = {"table_open": "table", "thead_open": "rowgroup", "tbody_open": "rowgroup", "tr_open": "row"}


def tables_prepare(tokens: list[Token]) -> None:
    """Change the tables' tokens in place."""
    heading = ""
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            heading = "".join(child.content for child in tokens[at + 1].children or [])
        elif token.type == "table_open":
            end = next(at + index for index, each in enumerate(tokens[at:]) if each.type == "table_close")
            _prepare(tokens[at : end + 1], heading)
    wrapped = [each for token in tokens for each in _wrapped(token)]
    tokens[:] = wrapped


def _prepare(tokens: Sequence[Token], name: str) -> None:
    tokens[0].meta["name"] = name
    labels = [inline.content.replace("`", "") for cell, inline in _cells(tokens) if cell.type == "th_open"]
    column = 0
    for token in tokens:
        if token.type in _ROLES:
            token.attrSet("role", _ROLES[token.type])
        if token.type == "table_open":
            token.attrSet("class", "table table-pairs" if len(labels) == 2 else "table")
        column = 0 if token.type == "tr_open" else column
        if token.type == "th_open":
            token.attrs |= {"scope": "col", "role": "columnheader"}
            column += 1
        elif token.type == "td_open":
            _body_cell(token, first=column == 0, label=labels[column])
            column += 1
        elif token.type == "td_close" and column == 1:
            token.tag = "th"
    for cell, inline in _cells(tokens):
        if cell.type == "td_open":
            badge = BADGES.get(inline.content)
            # One box whatever is in it: on narrow screens it stands beside the column's name.
            opening = Token("box_open", "span", 1, attrs={"class": badge} if badge else {})
            inline.children = [opening, *(inline.children or []), Token("box_close", "span", -1)]


def _body_cell(cell: Token, *, first: bool, label: str) -> None:
    cell.attrSet("data-label", label)
    cell.attrSet("role", "rowheader" if first else "cell")
    if first:
        cell.tag = "th"
        cell.attrSet("scope", "row")


def _cells(tokens: Sequence[Token]) -> Iterator[tuple[Token, Token]]:
    pairs = pairwise(tokens)
    return ((cell, inline) for cell, inline in pairs if cell.type in ("th_open", "td_open"))


def _wrapped(token: Token) -> Iterator[Token]:
    if token.type == "table_open":
        name = escape(str(token.meta["name"]))
        region = Token("html_block", "", 0)
        region.content = f'<div class="table-region" role="region" aria-label="{name}" tabindex="0">'
        yield region
        yield token
    elif token.type == "table_close":
        yield token
        region = Token("html_block", "", 0)
        region.content = "</div>"
        yield region
    else:
        yield token
