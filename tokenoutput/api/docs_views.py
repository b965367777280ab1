"""The OpenAPI description as a file, and as a page."""

import json
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe
from rest_framework.request import Request
from rest_framework.response import Response

from tokenoutput.api.base import PublicView
from tokenoutput.api.errors import envelope
from tokenoutput.api.reference import chapters_of
from tokenoutput.documentation.contents import INDEX, PARTS


class OpenApiView(PublicView):
    """The description of this API and of the inference endpoints."""

    schema = None

    def get(self, request: Request) -> Response:
        """docs/openapi.json, with this installation's address."""
        return Response(_description() | {"servers": [{"url": settings.SITE_URL}]})


@require_safe
def openapi_root(request: HttpRequest) -> HttpResponse:
    """Where tools look first; from every site, as where it leads."""
    answer = redirect("api_openapi")
    answer["Access-Control-Allow-Origin"] = "*"
    return answer


@require_safe
def docs_api(request: HttpRequest) -> HttpResponse:
    """The description, for people."""
    error = envelope(
        404, "There is no such API key.", reason="not_found", request_id="019acf3e-2f1b-7c64-9d3a-5b0f8e6d7c21"
    )
    context = {
        "chapters": chapters_of(_description()),
        "error": json.dumps(error, indent=2),
        "index": INDEX,
        "parts": PARTS,
        "page": next(page for part in PARTS for page in part.pages if page.elsewhere == "docs_api"),
    }
    return render(request, "site/docs_api.html", context)


@cache
def _description() -> dict[str, Any]:
    described: dict[str, Any] = json.loads((settings.BASE_DIR / "docs" / "openapi.json").read_text())
    return described
