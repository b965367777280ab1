"""A page, or those parts of it alone that a script on it asks for anew: `?part=` names them."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.utils.cache import get_conditional_response

PARTS_MAX = 8


def page_or_parts(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200, is_public: bool = False
) -> HttpResponse:
    """The page; where `?part=` names partials of its template, only those; where it names anything else, the page.

    Values of the context that cost a query may be functions: those that no part shows are never called. A part that
    is the same for everybody (`is_public`) has an ETag, and whoever has it already gets 304.
    """
    names = request.GET.getlist("part")[:PARTS_MAX] if request.method in {"GET", "HEAD"} else []
    try:
        parts = [get_template(f"{template}#{name}") for name in names if name]
    except TemplateDoesNotExist:
        parts = []
    if not parts:
        return render(request, template, dict(context), status=status)
    answer = HttpResponse("".join(part.render(dict(context), request) for part in parts))
    return _revalidated(request, answer) if is_public else answer


def _revalidated(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    etag = f'"{blake2b(answer.content, digest_size=16).hexdigest()}"'
    answer["ETag"], answer["Cache-Control"] = etag, "no-cache"
    kept = get_conditional_response(request, etag=etag, response=answer)
    if isinstance(kept, HttpResponseNotModified):
        kept["Cache-Control"] = "no-cache"
        return kept
    return answer
