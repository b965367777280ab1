"""The page for who may not do what they asked for: what it needs, and who can give it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.access import RoleDenied


def denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Of an organisation's page it names the roles and leads to people; elsewhere it says no more than that."""
    context = {"denied": exception} if isinstance(exception, RoleDenied) else {}
    return render(request, "403.html", context, status=403)
