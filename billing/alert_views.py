"""The page of alerts: what is told, where, what was sent, and a test of it."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import Access, access_get
from accounts.roles import Action
from billing.alert_forms import AlertForm
from billing.alert_recipients import RecipientsRefused, recipient_resend, recipients_waiting
from billing.alert_settings import alert_choices_get, alert_choices_set
from billing.alert_texts import alert_text
from billing.alerts import alert_test, deliveries_list
from billing.webhook_log import webhooks_list

LOG_ROWS = 20


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def alerts(request: HttpRequest, slug: str) -> HttpResponse:
    """What is told and where."""
    if request.method == "GET":
        return _page(request, access_get(request, slug=slug))
    access = access_get(request, slug=slug, action=Action.ALERTS_CHANGE)
    form = AlertForm(request.POST)
    if not form.is_valid():
        return _page(request, access, form=form, status=422)
    try:
        alert_choices_set(organization_id=access.organization.id, choices=form.choices(), user_id=access.user_id)
    except RecipientsRefused as error:
        form.add_error("recipients", str(error))
        return _page(request, access, form=form, status=422)
    messages.success(request, _("Saved."))
    return redirect("alerts", slug=slug)


@require_POST
@login_required
def alerts_test(request: HttpRequest, slug: str) -> HttpResponse:
    """Send a test to everybody who would be told."""
    access = access_get(request, slug=slug, action=Action.ALERTS_CHANGE)
    count = alert_test(organization_id=access.organization.id, by=str(request.user))
    if count:
        said = ngettext(
            "A test is on its way to %(count)s address.", "A test is on its way to %(count)s addresses.", count
        )
        messages.success(request, said % {"count": count})
    else:
        messages.warning(request, _("Nobody would be told: choose a role, or make a webhook."))
    return redirect("alerts", slug=slug)


@require_POST
@login_required
def alerts_resend(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask a further address once more."""
    access = access_get(request, slug=slug, action=Action.ALERTS_CHANGE)
    email = request.POST.get("resend", "").replace("\x00", "")
    try:
        recipient_resend(organization_id=access.organization.id, email=email, user_id=access.user_id)
    except RecipientsRefused as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, _("A new link is on its way to %(email)s.") % {"email": email})
    return redirect("alerts", slug=slug)


def _page(request: HttpRequest, access: Access, *, form: AlertForm | None = None, status: int = 200) -> HttpResponse:
    organization_id = access.organization.id
    choices = alert_choices_get(organization_id=organization_id)
    context: dict[str, Any] = {
        "access": access,
        "form": form or AlertForm.of(choices),
        "waiting": recipients_waiting(organization_id=organization_id, emails=choices.recipients),
        "webhooks": webhooks_list(organization_id=organization_id),
        "lines": [
            (row, alert_text(kind=row.kind, level=row.level, facts=row.facts))
            for row in deliveries_list(organization_id=organization_id, limit=LOG_ROWS)
        ],
    }
    return render(request, "app/alerts.html", context, status=status)
