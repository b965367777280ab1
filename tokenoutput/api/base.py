"""What every view of the management API is made of: a request id, what a caller needs, one way to answer."""

import hashlib
from contextlib import ExitStack
from typing import Any

from django.http import HttpRequest
from django.utils.cache import get_conditional_response
from rest_framework.exceptions import NotFound
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gateway.request_id import request_id_make
from tokenoutput.api.errors import exception_answer

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-None-Match",
    "Access-Control-Max-Age": "86400",
}


class JsonAlways(BaseContentNegotiation):
    """There is one form, so a client that asks for another gets it too."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        essence = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == essence), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class ApiView(APIView):
    """A view of this API: for everybody, until a subclass says for whom."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes: list[Any] = []
    content_negotiation_class = JsonAlways
    request_id: str = ""
    acting: ExitStack

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        self.request_id = str(request_id_make())
        with ExitStack() as self.acting:
            return super().dispatch(request, *args, **kwargs)

    def get_exception_handler(self) -> Any:
        return exception_answer

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["X-Request-Id"] = self.request_id
        # Answers are one organisation's own, and may hold a secret.
        response.setdefault("Cache-Control", "no-store")
        return response


class PublicView(ApiView):
    """A view for everybody, from every site: nobody's data, kept by browsers for a minute."""

    def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What a browser asks before a request from another site with headers of its own."""
        return Response(status=204, headers=_PREFLIGHT)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response["Access-Control-Allow-Origin"] = "*"
        response["Access-Control-Expose-Headers"] = "ETag, X-Request-Id"
        if response.status_code == 200:
            response["Cache-Control"] = "public, max-age=60"
            response.add_post_render_callback(self._conditional)
        return super().finalize_response(request, response, *args, **kwargs)

    def _conditional(self, response: Response) -> Any:
        """The answer, or 304 where the client has it already."""
        response["ETag"] = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
        kept: Any = get_conditional_response(self.request._request, etag=response["ETag"], response=response)
        for name in ("Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "X-Request-Id"):
            kept[name] = response[name]  # A 304 starts without them, and a browser asks for them there too.
        return kept


class NothingHere(PublicView):
    """Every other path below /api/v1."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound("There is no such path.")
