"""A language nobody speaks: every translated text accented and a third longer, so that one forgotten is seen."""

import re
from html.parser import HTMLParser

from django.utils import translation

PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
ACCENTED = "áƀćđéƒǵħíĵķĺɱńóƥɋŕśťúṽŵẋýžÁƁĆĐÉƑǴĦÍĴĶĹṀŃÓƤɊŔŚŤÚṼŴẊÝŽ"
# Placeholders, tags and entities stay what they are.
_KEPT = re.compile(r"(%\(\w+\)[sd]|%[sd%]|\{\w*\}|<[^>]*>|&\w+;)")
_TABLE = str.maketrans(PLAIN, ACCENTED)
# Not words of ours: code, and what a document of its own language says.
_SILENT = {"script", "style", "code", "pre", "kbd", "svg", "title"}
_SPOKEN = ("aria-label", "title", "placeholder", "alt", "data-label", "data-copied", "data-failed")


def pseudo(text: str) -> str:
    """The text as it would be in that language."""
    if not text.strip():
        return text
    said = "".join(part if _KEPT.fullmatch(part) else part.translate(_TABLE) for part in _KEPT.split(text))
    return said + "·" + " ɋɋɋɋɋ"[: len(text) // 3] + " ɋɋɋɋɋ" * (len(text) // 18 - 1)


def speak(monkeypatch) -> None:
    """From now on everything is said in it."""
    spoken = vars(translation)["_trans"]  # Where every way to translate ends.
    gettext, pgettext = spoken.gettext, spoken.pgettext
    ngettext, npgettext = spoken.ngettext, spoken.npgettext
    monkeypatch.setattr(spoken, "gettext", lambda text: pseudo(gettext(text)))
    monkeypatch.setattr(spoken, "pgettext", lambda context, text: pseudo(pgettext(context, text)))
    monkeypatch.setattr(spoken, "ngettext", lambda one, many, n: pseudo(ngettext(one, many, n)))
    monkeypatch.setattr(spoken, "npgettext", lambda context, one, many, n: pseudo(npgettext(context, one, many, n)))


class Words(HTMLParser):
    """What a reader sees or hears of a page, piece by piece."""

    VOID = frozenset(
        ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
    )

    def __init__(self, html: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self._open: list[tuple[str, bool]] = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if not self._silent():
            self.said += [values[name] for name in _SPOKEN if values.get(name)]
        if tag not in self.VOID:
            self._open.append((tag, tag in _SILENT or "notranslate" in (values.get("class") or "")))

    def handle_endtag(self, tag):
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if data.strip() and not self._silent():
            self.said.append(data.strip())

    def _silent(self):
        return any(silent for _, silent in self._open)
