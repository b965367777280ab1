"""The pages that links in mails to further addresses lead to: no sign-in, as their reader may be nobody's member."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from billing.alert_recipients import recipient_by_token, recipient_confirm
from billing.alert_unsubscribes import recipient_return, recipient_unsubscribe, recipient_unsubscribing


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


@csrf_exempt  # Mail programs post here for their readers (RFC 8058): what allows it is the token.
@never_cache
@require_http_methods(["GET", "POST"])
def recipient_stop(request: HttpRequest, token: str) -> HttpResponse:
    """Ask whether alerts shall end; a POST ends them, and answers without a redirect, which mail programs need."""
    if recipient_unsubscribing(token=token) is None:
        raise Http404
    if request.method == "POST":
        (recipient_return if "again" in request.POST else recipient_unsubscribe)(token=token)
    return render(request, "invite/alerts_stop.html", {"recipient": recipient_unsubscribing(token=token)})
