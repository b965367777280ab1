"""The OpenAPI description as a file."""

import json
from functools import cache
from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from tokenoutput.api.base import PublicView


class OpenApiView(PublicView):
    """The description of this API and of the inference endpoints."""

    schema = None

    def get(self, request: Request) -> Response:
        """docs/openapi.json, with this installation's address."""
        return Response(_description() | {"servers": [{"url": settings.SITE_URL}]})


@cache
def _description() -> dict[str, Any]:
    described: dict[str, Any] = json.loads((settings.BASE_DIR / "docs" / "openapi.json").read_text())
    return described
