"""The page that the link of a further address leads to: no sign-in, because whoever reads it may be nobody's member."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from billing.alert_recipients import recipient_by_token, recipient_confirm


@never_cache
@require_http_methods(["GET", "POST"])
def recipient(request: HttpRequest, token: str) -> HttpResponse:
    """Ask whether alerts are wanted; a POST says yes: programs that only follow links confirm nothing."""
    found = recipient_by_token(token=token)
    if found is None:
        raise Http404
    if request.method == "POST":
        recipient_confirm(token=token)
        return redirect("alert_recipient", token=token)
    return render(request, "invite/alerts.html", {"recipient": found})
