"""Whether single keys do something: a cookie switches them off, for those whose voice or hand types keys by chance."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from tokenoutput.appearance import choice_keep

COOKIE = "shortcuts"
OFF = "off"


def shortcuts_on(request: HttpRequest) -> bool:
    """Whether this browser has them; it has unless they were switched off."""
    return request.COOKIES.get(COOKIE) != OFF


# Exempt as the choice of colours is, and as harmless: visitors of the catalog switch them off without signing in.
@csrf_exempt
@require_POST
def shortcuts(request: HttpRequest) -> HttpResponse:
    """Switch them off or on, and back to the page it was asked on."""
    return choice_keep(request, cookie=COOKIE, choices={OFF})
