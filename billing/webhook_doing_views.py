"""What is done to one webhook: a test, a pause, a new secret, its end, and a delivery made again."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.access import Access, access_get
from accounts.form_once import FormSentBefore, form_once
from accounts.roles import Action
from billing import webhook_log, webhooks
from billing.webhook_forms import RotateForm
from billing.webhook_views import webhook_of, webhook_page

# Does it, or raises `WebhookNotFound` or `WebhookRefused`; an answer of its own stands for the way back.
type Doing = Callable[..., HttpResponse | None]


def _doing(said: Any = "", *, back: str = "webhook") -> Callable[[Doing], Callable[..., HttpResponse]]:
    """A POST of who may change alerts: it is done and `said`, or the page says why not; 404 for what is not theirs."""

    def view_of(act: Doing) -> Callable[..., HttpResponse]:
        @never_cache
        @require_POST
        @login_required
        @wraps(act)
        def view(request: HttpRequest, slug: str, public_id: str, **more: int) -> HttpResponse:
            access = access_get(request, slug=slug, action=Action.ALERTS_CHANGE)
            try:
                answer = act(request, access, public_id, **more)
            except webhooks.WebhookNotFound as error:
                raise Http404(str(error)) from error
            except webhooks.WebhookRefused as error:
                messages.warning(request, str(error))
                return redirect("webhook", slug=slug, public_id=public_id)
            if answer is not None:
                return answer
            messages.success(request, said)
            return redirect(back, slug, public_id) if back == "webhook" else redirect(back, slug)

        return view

    return view_of


@_doing(_("A test is on its way: its line below says how it went."))
def webhook_test(request: HttpRequest, access: Access, public_id: str) -> None:
    """Send a test to this webhook alone."""
    webhook_log.webhook_test(organization_id=access.organization.id, public_id=public_id, by=str(request.user))


@_doing(_("It is on its way once more, with the same event id."))
def webhook_redeliver(_request: HttpRequest, access: Access, public_id: str, *, delivery_id: int) -> None:
    """Post an alert once more."""
    webhook_log.webhook_redeliver(organization_id=access.organization.id, public_id=public_id, delivery_id=delivery_id)


@_doing(_("Paused. Nothing is posted to it until you resume it."))
def webhook_pause(_request: HttpRequest, access: Access, public_id: str) -> None:
    """Post nothing to it for a while."""
    webhooks.webhook_pause(**_acting(access, public_id))


@_doing(_("Resumed. It gets the next alert."))
def webhook_resume(_request: HttpRequest, access: Access, public_id: str) -> None:
    """Post to it again."""
    webhooks.webhook_resume(**_acting(access, public_id))


@_doing()
def webhook_secret(request: HttpRequest, access: Access, public_id: str) -> HttpResponse:
    """A new secret, shown in this answer alone, however often the form comes."""
    form = RotateForm(request.POST)
    if not form.is_valid():
        return webhook_page(request, access, public_id, rotate_form=form, status=422)
    grace = int(form.cleaned_data["grace"])
    rotate = partial(webhooks.webhook_secret_rotate, **_acting(access, public_id), grace_seconds=grace)
    try:
        secret = form_once(request, rotate, name=webhook_of(access, public_id).host)
    except FormSentBefore as before:
        return webhook_page(request, access, public_id, sent_before=before)
    return webhook_page(request, access, public_id, secret=secret)


@_doing(_("The webhook is removed. Nothing is posted to it any more."), back="webhooks")
def webhook_remove(_request: HttpRequest, access: Access, public_id: str) -> None:
    """Forget it."""
    webhooks.webhook_delete(**_acting(access, public_id))


def _acting(access: Access, public_id: str) -> dict[str, Any]:
    return {"organization_id": access.organization.id, "public_id": public_id, "user_id": access.user_id}
