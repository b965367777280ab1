"""The way into the dashboard."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from accounts.onboarding import api_keys_begun
from accounts.selectors import organizations_of


@require_GET
@login_required
def app_home(request: HttpRequest) -> HttpResponse:
    """To the visitor's first organisation; to its quickstart where nothing was begun yet."""
    for organization in organizations_of(user=request.user):
        begun = not organization.may_change_api_keys or api_keys_begun(organization_id=organization.id)
        return redirect("overview" if begun else "quickstart", slug=organization.slug)
    return render(request, "app/no_organization.html")
