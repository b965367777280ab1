"""What is done to one webhook: a test, a pause, a new secret, its end, and a delivery made again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.access import Access, access_get
from accounts.roles import Action
from billing import webhook_log, webhooks
from billing.webhook_views import webhook_page


@require_POST
@login_required
def webhook_test(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    """Send a test to this webhook alone."""
    access = access_get(request, slug=slug, action=Action.ALERTS_CHANGE)
    with _said(request, _("A test is on its way: its line below says how it went.")):
        webhook_log.webhook_test(organization_id=access.organization.id, public_id=public_id, by=str(request.user))
    return redirect("webhook", slug=slug, public_id=public_id)


@require_POST
@login_required
def webhook_redeliver(request: HttpRequest, slug: str, public_id: str, delivery_id: int) -> HttpResponse:
    """Post an alert once more."""
    access = access_get(request, slug=slug, action=Action.ALERTS_CHANGE)
    with _said(request, _("It is on its way once more, with the same event id.")):
        webhook_log.webhook_redeliver(
            organization_id=access.organization.id, public_id=public_id, delivery_id=delivery_id
        )
    return redirect("webhook", slug=slug, public_id=public_id)


@require_POST
@login_required
def webhook_pause(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    """Post nothing to it for a while."""
    access = access_get(request, slug=slug, action=Action.ALERTS_CHANGE)
    with _said(request, _("Paused. Nothing is posted to it until you resume it.")):
        webhooks.webhook_pause(**_acting(access, public_id))
    return redirect("webhook", slug=slug, public_id=public_id)


@require_POST
@login_required
def webhook_resume(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    """Post to it again."""
    access = access_get(request, slug=slug, action=Action.ALERTS_CHANGE)
    with _said(request, _("Resumed. It gets the next alert.")):
        webhooks.webhook_resume(**_acting(access, public_id))
    return redirect("webhook", slug=slug, public_id=public_id)


@never_cache
@require_POST
@login_required
def webhook_secret(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    """A new secret, shown in this answer alone."""
    access = access_get(request, slug=slug, action=Action.ALERTS_CHANGE)
    with _said(request):
        secret = webhooks.webhook_secret_rotate(**_acting(access, public_id))
    return webhook_page(request, access, public_id, secret=secret)


@require_POST
@login_required
def webhook_remove(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    """Forget it."""
    access = access_get(request, slug=slug, action=Action.ALERTS_CHANGE)
    with _said(request, _("The webhook is removed. Nothing is posted to it any more.")):
        webhooks.webhook_delete(**_acting(access, public_id))
    return redirect("webhooks", slug=slug)


def _acting(access: Access, public_id: str) -> dict[str, Any]:
    return {"organization_id": access.organization.id, "public_id": public_id, "user_id": access.user_id}


@contextmanager
def _said(request: HttpRequest, done: str = "") -> Iterator[None]:
    """Say that it is done, or why not; 404 where there is no such thing."""
    try:
        yield
    except webhooks.WebhookNotFound as error:
        raise Http404(str(error)) from error
    except webhooks.WebhookRefused as error:
        messages.warning(request, str(error))
    else:
        if done:
            messages.success(request, done)
