"""One sheet for readers where developers keep many: what `site.css` imports goes into it when files are collected."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from typing import Any

from django.core.files.base import ContentFile
from servestatic.storage import CompressedManifestStaticFilesStorage

SHEET = "css/site.css"
IMPORT = re.compile(r'@import url\("(?P<sheet>[^"]+)"\)(?: layer\((?P<layer>\w+)\))?;')
URL = re.compile(r'url\("(?P<file>[^"]+)"\)')


def sheet_inline(name: str, *, read: Callable[[str], str]) -> str:
    """A sheet's text with what it imports in its place: each within its layer, its files found from where it now is."""
    folder = posixpath.dirname(name)

    def inlined(match: re.Match[str]) -> str:
        imported = posixpath.normpath(posixpath.join(folder, match["sheet"]))
        there = posixpath.dirname(imported)

        def moved(link: re.Match[str]) -> str:
            return f'url("{posixpath.relpath(posixpath.join(there, link["file"]), folder)}")'

        text = URL.sub(moved, read(imported)).strip()
        return f"@layer {match['layer']} {{\n{text}\n}}" if match["layer"] else text

    return IMPORT.sub(inlined, read(name))


class OneSheetStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc] # It has no types.
    """As production's storage always was, but that the one sheet which pages link to imports nothing more."""

    def post_process(self, paths: dict[str, Any], **options: Any) -> Iterator[Any]:
        if SHEET in paths:
            paths = {**paths, SHEET: (_Inlined(paths), SHEET)}
        yield from super().post_process(paths, **options)


class _Inlined:
    """Where the storage reads the sheet from: all of it at once."""

    def __init__(self, paths: dict[str, Any]) -> None:
        self.paths = paths

    def open(self, name: str) -> ContentFile[bytes]:
        return ContentFile(sheet_inline(name, read=self._read).encode())

    def _read(self, name: str) -> str:
        storage, path = self.paths[name]
        with storage.open(path) as sheet:
            return str(sheet.read().decode())
