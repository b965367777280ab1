"""Responses: the content of messages and of tools' results in the parts of Chat Completions."""

from collections.abc import Mapping
from typing import Any

from gateway.convert.shapes import object_at, objects_at, refused, text_at


def parts_of(content: object, where: str) -> list[dict[str, Any]]:
    """Parts of text, images and files."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [_part(part, place) for part, place in objects_at(content, where)]


def text_of(parts: list[dict[str, Any]]) -> str:
    """The texts of the parts."""
    return "\n".join(part["text"] for part in parts if part["type"] == "text")


def _part(part: Mapping[str, Any], where: str) -> dict[str, Any]:
    match part.get("type"):
        case "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text":
            return {"type": "text", "text": text_at(part.get("text"), f"{where}.text")}
        case "refusal":
            return {"type": "text", "text": text_at(part.get("refusal"), f"{where}.refusal")}
        case "input_image":
            return {"type": "image_url", "image_url": _image(part, where)}
        case "input_file":
            return {"type": "file", "file": _file(part, where)}
        case kind:
            raise refused(f"a part of type {str(kind)[:40]!r}", where)


def _image(part: Mapping[str, Any], where: str) -> dict[str, Any]:
    image = part.get("image_url")
    if image is None:
        raise refused("an image by its file_id", f"{where}.file_id")
    url = image if isinstance(image, str) else object_at(image, f"{where}.image_url").get("url")
    detail = part.get("detail")
    told = {"detail": detail} if isinstance(detail, str) and detail in ("low", "high", "auto") else {}
    return {"url": text_at(url, f"{where}.image_url"), **told}


def _file(part: Mapping[str, Any], where: str) -> dict[str, Any]:
    if part.get("file_data") is None:
        raise refused("a file that is not inside the request", where)
    data, name = text_at(part["file_data"], f"{where}.file_data"), part.get("filename")
    return {"filename": name if isinstance(name, str) and name else "file.pdf", "file_data": data}
