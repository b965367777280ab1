"""What belongs to a person, not to an organisation: address, sign-in, look."""

from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import user_of
from accounts.selectors import organizations_of
from accounts.zones import zone_of
from tokenoutput.zone_views import ZoneForm


@require_GET
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """One page that leads to all of it."""
    user = user_of(request)
    context = {
        "organizations": organizations_of(user=request.user),
        "has_second_step": is_mfa_enabled(request.user),
        "zone_form": ZoneForm(initial={"zone": str(zone_of(request))}),
        "has_password": user is not None and user.has_usable_password(),
    }
    return render(request, "app/profile.html", context)
