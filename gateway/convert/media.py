"""Images and documents between the two protocols. Pure."""

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Mapping
from typing import Any, Final

from gateway.convert.shapes import object_at, refused, text_at
from gateway.wire.body import BodyInvalid

IMAGE_TYPES: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")
PDF: Final = "application/pdf"

_DATA_URL: Final = re.compile(r"data:([\w.+/-]*)((?:;[\w.+-]+=[^;,]*)*);base64,", re.ASCII | re.IGNORECASE)
# How the first bytes of each type look in base64: clients often name the wrong one, and Anthropic refuses that.
_FIRST: Final = (("iVBORw0KGgo", "image/png"), ("/9j/", "image/jpeg"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp"))


def image_part_of(source: object, where: str) -> dict[str, Any]:
    """OpenAI's part for the source of an Anthropic image."""
    return {"type": "image_url", "image_url": {"url": _url_of(object_at(source, where), where)}}


def document_parts_of(block: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    """OpenAI's parts for an Anthropic document: a PDF as a file, text as text."""
    source = object_at(block.get("source"), f"{where}.source")
    title = block.get("title")
    named = [title] if isinstance(title, str) and title else []
    context = block.get("context")
    told = [*named, context] if isinstance(context, str) and context else named
    match source.get("type"):
        case "base64" if source.get("media_type") in (PDF, None):
            url = _url_of({"media_type": PDF, **source}, where)
            file = {"filename": named[0] if named else "document.pdf", "file_data": url}
            return [*_texts([context] if told != named else []), {"type": "file", "file": file}]
        case "text":
            return _texts([*told, text_at(source.get("data"), f"{where}.source.data")])
        case "content":
            content = source.get("content")
            return _texts(told) + _content_parts(content, f"{where}.source.content")
        case kind:
            raise refused(f"a document from {str(kind)[:40]!r}", where)


def image_block_of(url: str, where: str) -> dict[str, Any]:
    """Anthropic's block for the address of an OpenAI image."""
    if url.startswith(("https://", "http://")):
        return {"type": "image", "source": {"type": "url", "url": url}}
    media_type, data = _data_of(url, where)
    if media_type == PDF:
        return _document(media_type, data)
    seen = next((kind for first, kind in _FIRST if data.startswith(first)), media_type.replace("/jpg", "/jpeg"))
    if seen not in IMAGE_TYPES:
        raise refused(f"an image of type {media_type[:40]!r}", where)
    return {"type": "image", "source": {"type": "base64", "media_type": seen, "data": data}}


def document_block_of(file: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Anthropic's block for an OpenAI file: a PDF, a text or an image, inside the request."""
    if file.get("file_data") is None:
        raise refused("a file by its id", where)
    url = text_at(file["file_data"], f"{where}.file_data")
    if url.startswith(("https://", "http://")):
        return _titled({"type": "document", "source": {"type": "url", "url": url}}, file)
    # Some send the bytes without a word before them; OpenAI takes these for PDF.
    media_type, data = _data_of(url, where) if url.startswith("data:") else (PDF, url)
    if media_type == PDF:
        return _titled(_document(PDF, data), file)
    if media_type.startswith("text/"):
        source = {"type": "text", "media_type": "text/plain", "data": _text_of(data, where)}
        return _titled({"type": "document", "source": source}, file)
    return image_block_of(url, where)


def _url_of(source: Mapping[str, Any], where: str) -> str:
    match source.get("type"):
        case "url":
            return text_at(source.get("url"), f"{where}.url")
        case "base64":
            media_type = text_at(source.get("media_type"), f"{where}.media_type")
            return f"data:{media_type};base64,{text_at(source.get('data'), f'{where}.data')}"
        case kind:
            raise refused(f"a source of type {str(kind)[:40]!r}", where)


def _content_parts(content: object, where: str) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return _texts([content])
    parts: list[dict[str, Any]] = []
    for part in content if isinstance(content, list) else ():
        match part:
            case {"type": "text", "text": str(text)}:
                parts += _texts([text])
            case {"type": "image", "source": source}:
                parts.append(image_part_of(source, where))
            case _:
                raise refused("this part of a document", where)
    return parts


def _texts(texts: list[Any]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text} for text in texts if text]


def _data_of(url: str, where: str) -> tuple[str, str]:
    found = _DATA_URL.match(url)
    if found is None:
        raise BodyInvalid(f"{where} must be an http or base64 data URL.", where)
    return found[1].lower(), url[found.end() :]


def _document(media_type: str, data: str) -> dict[str, Any]:
    return {"type": "document", "source": {"type": "base64", "media_type": media_type, "data": data}}


def _titled(block: dict[str, Any], file: Mapping[str, Any]) -> dict[str, Any]:
    name = file.get("filename")
    return {**block, "title": name} if isinstance(name, str) and name else block


def _text_of(data: str, where: str) -> str:
    try:
        return b64decode(data).decode()
    except (Error, ValueError):
        raise BodyInvalid(f"{where} is not base64 of UTF-8 text.", where) from None
