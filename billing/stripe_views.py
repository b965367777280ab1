"""The door for Stripe's notices: checked, kept, answered; what they mean is worked out later."""

from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing import stripe_client, stripe_mode
from billing.stripe_events import event_store

BODY_BYTES_MAX = 512 * 1024


@csrf_exempt  # Stripe has no token of ours; its signature stands for it.
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """200 once the notice is kept; 400 and nothing kept for whatever is not Stripe's."""
    if not stripe_mode.configured():
        return HttpResponse("Payments are not configured.", status=404, content_type="text/plain")
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if not declared.isdigit() or int(declared) > BODY_BYTES_MAX:
        return _refused()
    try:
        body = request.read(BODY_BYTES_MAX + 1)
        notice = stripe_client.notice_verify(body, request.headers.get("Stripe-Signature", ""))
    except (stripe_client.NoticeRefused, UnreadablePostError):
        return _refused()
    if len(body) > BODY_BYTES_MAX:
        return _refused()
    event_store(notice)
    return HttpResponse("Kept.", content_type="text/plain")


def _refused() -> HttpResponse:
    return HttpResponse("Not a notice of Stripe's for us.", status=400, content_type="text/plain")
