"""A page for those who end up, say after signing in again, where only a form can be sent."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin


class WrongMethodMiddleware(MiddlewareMixin):
    """Give Django's empty 405 words, where a browser asks."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The same answer, with a page in it."""
        empty = response.status_code == 405 and isinstance(response, HttpResponse) and not response.content
        if not empty or not request.accepts("text/html") or request.path.startswith("/api/"):
            return response
        page = render(request, "405.html", status=405)
        page.headers["Allow"] = response.headers["Allow"]
        return page
