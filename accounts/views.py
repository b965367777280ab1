"""The way into the dashboard."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from accounts.selectors import organizations_of


@require_GET
@login_required
def app_home(request: HttpRequest) -> HttpResponse:
    """To the visitor's first organisation."""
    for organization in organizations_of(user=request.user):
        return redirect("overview", slug=organization.slug)
    return render(request, "app/no_organization.html")
