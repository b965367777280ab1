"""The choice between light, dark and what the system says: a cookie, so the server's first byte has it already."""

from collections.abc import Collection

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

COOKIE = "theme"
THEMES = ("light", "dark")  # Anything else is the system's choice.
KEPT_SECONDS = 365 * 24 * 3600
BACK_LENGTH_MAX = 2000


def theme_of(request: HttpRequest) -> str:
    """What this browser has chosen; empty for the system's choice."""
    chosen = request.COOKIES.get(COOKIE, "")
    return chosen if chosen in THEMES else ""


# Exempt: all that a forged request could change is the colours of one browser, while a token in every footer
# would give every visitor a cookie and no public page a body that can be cached.
@csrf_exempt
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep the choice, and back to the page it was made on."""
    return choice_keep(request, cookie=COOKIE, choices=THEMES)


def choice_keep(request: HttpRequest, *, cookie: str, choices: Collection[str]) -> HttpResponse:
    """Keep one of `choices` in a cookie of the same name as the form's field; anything else takes the cookie away."""
    back = request.POST.get("next", "")
    allowed = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    # Not `redirect`: it takes a word for the name of a page.
    response = HttpResponseRedirect(back if allowed and len(back) <= BACK_LENGTH_MAX else "/")
    chosen = request.POST.get(cookie, "")
    if chosen in choices:
        response.set_cookie(
            cookie, chosen, max_age=KEPT_SECONDS, secure=request.is_secure(), httponly=True, samesite="Lax"
        )
    else:
        response.delete_cookie(cookie, samesite="Lax")
    return response
