"""The choice of the time zone that usage and requests are shown in."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts.zones import COOKIE, zone_choices, zone_names
from tokenoutput.appearance import choice_keep

MINE = "mine"


class ZoneForm(forms.Form):
    """UTC, or a place."""

    # Names of places stay as they are, whatever language a page is in.
    zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=zone_choices,
        widget=forms.Select(attrs={"class": "notranslate", "translate": "no"}),
    )


# Exempt as the choice of colours is: all that a forged request could change is how one browser writes times.
@csrf_exempt
@require_POST
def zone(request: HttpRequest) -> HttpResponse:
    """Keep the choice, and back to the page it was made on; who only said “my time” is asked which that is."""
    if request.POST.get(COOKIE) == MINE:
        return redirect(f"{reverse('profile')}#times")
    return choice_keep(request, cookie=COOKIE, choices=zone_names())
