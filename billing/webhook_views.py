"""The pages of webhooks: the list, and one with what was posted to it."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.access import Access, access_get
from accounts.form_once import FormSentBefore, form_once
from accounts.roles import Action
from billing.alert_settings import alert_choices_get
from billing.alert_texts import alert_text
from billing.webhook_forms import KIND_NAMES, KIND_SHORT_NAMES, KindsForm, RotateForm, WebhookForm
from billing.webhook_log import WebhookView, host_of, webhook_deliveries, webhook_get, webhooks_list
from billing.webhooks import (
    WEBHOOKS_MAX,
    NewWebhook,
    WebhookNotFound,
    WebhookRefused,
    webhook_create,
    webhook_kinds_set,
)

LOG_ROWS = 20


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def webhooks(request: HttpRequest, slug: str) -> HttpResponse:
    """The webhooks; a POST makes one and shows its secret in its own answer, once."""
    if request.method == "GET":
        return _list(request, access_get(request, slug=slug), WebhookForm())
    access = access_get(request, slug=slug, action=Action.ALERTS_CHANGE)
    form = WebhookForm(request.POST)
    if form.is_valid():
        make = partial(
            webhook_create,
            organization_id=access.organization.id,
            url=form.cleaned_data["url"],
            kinds=form.cleaned_data["kinds"],
            user_id=access.user_id,
        )
        try:
            made = form_once(
                request, make, name=host_of(form.cleaned_data["url"]), page=lambda made: _address(slug, made.id)
            )
        except FormSentBefore as before:
            return _list(request, access, WebhookForm(), before=before)
        except WebhookRefused as error:
            form.add_error("url", str(error))
        else:
            return _list(request, access, WebhookForm(), made=made)
    return _list(request, access, form, status=422)


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def webhook(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    """One webhook and its log; a POST chooses what is posted to it."""
    action = Action.ALERTS_CHANGE if request.method == "POST" else Action.READ
    access = access_get(request, slug=slug, action=action)
    if request.method == "GET":
        return webhook_page(request, access, public_id)
    found = webhook_of(access, public_id)
    form = KindsForm(request.POST)
    if not form.is_valid():
        return webhook_page(request, access, found.id, form=form, status=422)
    webhook_kinds_set(
        organization_id=access.organization.id,
        public_id=found.id,
        kinds=form.cleaned_data["kinds"],
        user_id=access.user_id,
    )
    messages.success(request, _("Saved. It holds from the next alert on."))
    return redirect("webhook", slug=slug, public_id=public_id)


def webhook_of(access: Access, public_id: str) -> WebhookView:
    """The webhook of the URL; 404 where it is none of theirs."""
    try:
        return webhook_get(organization_id=access.organization.id, public_id=public_id)
    except WebhookNotFound as error:
        raise Http404(str(error)) from error


def webhook_page(
    request: HttpRequest, access: Access, public_id: str, *, status: int = 200, **shown: Any
) -> HttpResponse:
    """The page of one webhook; `shown`: what this answer alone has, a form that was refused or a new secret."""
    found = webhook_of(access, public_id)
    before = _cursor(request.GET.get("before", ""))
    rows = webhook_deliveries(
        organization_id=access.organization.id, public_id=found.id, before=before, limit=LOG_ROWS + 1
    )
    choices = alert_choices_get(organization_id=access.organization.id)
    context: dict[str, Any] = {
        "access": access,
        "webhook": found,
        "form": KindsForm(initial={"kinds": found.kinds}),
        "rotate_form": RotateForm(),
        "kinds": [KIND_NAMES[kind] for kind in found.kinds],
        "silent": [KIND_NAMES[kind] for kind in found.kinds if not getattr(choices, kind)],
        "lines": [(row, alert_text(kind=row.kind, level=row.level, facts=row.facts)) for row in rows[:LOG_ROWS]],
        "before": before,
        "older": rows[LOG_ROWS - 1].id if len(rows) > LOG_ROWS else None,
        **shown,
    }
    return render(request, "app/webhook.html", context, status=status)


def _list(
    request: HttpRequest,
    access: Access,
    form: WebhookForm,
    *,
    made: NewWebhook | None = None,
    before: FormSentBefore | None = None,
    status: int = 200,
) -> HttpResponse:
    found = webhooks_list(organization_id=access.organization.id)
    context: dict[str, Any] = {
        "access": access,
        "form": form,
        "before": before,
        "secret": made.secret if made else "",
        "lines": [(row, [KIND_SHORT_NAMES[kind] for kind in row.kinds]) for row in found],
        "is_full": len(found) >= WEBHOOKS_MAX,
        "most": WEBHOOKS_MAX,
    }
    return render(request, "app/webhooks.html", context, status=status)


def _address(slug: str, public_id: str) -> str:
    return reverse("webhook", args=[slug, public_id])


def _cursor(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
