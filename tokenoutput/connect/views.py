"""The page on which a person allows an app a key of theirs, within bounds that they set, or does not."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.csp import CSP
from django.views.decorators.cache import never_cache
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_http_methods

from accounts.access import access_get, user_of
from accounts.roles import Action
from accounts.selectors import OrganizationView, organizations_of
from tokenoutput.connect.codes import Allowed, code_make
from tokenoutput.connect.forms import AllowForm, AskedForm
from tokenoutput.key_forms import LIMIT_SUGGESTED, NewKeyLimitForm

EXPIRY_SUGGESTED = "90"


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def connect(request: HttpRequest) -> HttpResponse:
    """Asked wrongly, the page says what is wrong and leads nowhere."""
    asked = AskedForm(request.GET)
    if not asked.is_valid():
        return render(request, "connect/refused.html", {"asked": asked}, status=400)
    user = user_of(request)
    organizations = [one for one in organizations_of(user=user) if one.may(Action.API_KEYS_CHANGE)] if user else []
    if not organizations:
        return render(request, "connect/nowhere.html", {"asked": asked}, status=403)
    if request.method == "POST":
        return _allow(request, asked, organizations)
    form = AllowForm(
        organizations=organizations,
        initial={"name": asked.cleaned_data["key_label"] or asked.host, "expiry": EXPIRY_SUGGESTED},
    )
    return _page(request, asked, form, NewKeyLimitForm(initial=LIMIT_SUGGESTED), organizations)


def _allow(request: HttpRequest, asked: AskedForm, organizations: list[OrganizationView]) -> HttpResponse:
    form = AllowForm(request.POST, organizations=organizations)
    limit_form = NewKeyLimitForm(request.POST)
    if not (form.is_valid() & limit_form.is_valid()):
        return _page(request, asked, form, limit_form, organizations)
    access = access_get(request, slug=form.cleaned_data["organization"], action=Action.API_KEYS_CHANGE)
    # Who may not change limits sets none, whatever the form says.
    limits = limit_form.cleaned_data if access.organization.may(Action.LIMITS_CHANGE) else {}
    allowed = Allowed(
        organization_id=access.organization.id,
        member_id=access.organization.member_id,
        user_id=access.user_id,
        app=asked.host,
        name=form.cleaned_data["name"],
        expires_at=form.expires_at(),
        limit_period=limits.get("limit_period") or None,
        limit_nanos=limits.get("limit_nanos") if limits.get("limit_period") else None,
    )
    code = code_make(allowed=allowed, challenge=asked.cleaned_data["code_challenge"])
    return HttpResponseRedirect(asked.led_back(f"code={code}"))


def _page(
    request: HttpRequest,
    asked: AskedForm,
    form: AllowForm,
    limit_form: NewKeyLimitForm,
    organizations: list[OrganizationView],
) -> HttpResponse:
    context: dict[str, Any] = {
        "asked": asked,
        "form": form,
        "limit_form": limit_form,
        "may_limit": any(one.may(Action.LIMITS_CHANGE) for one in organizations),
        "only": organizations[0] if len(organizations) == 1 else None,
        "denied": asked.led_back("error=access_denied"),
    }
    status = 422 if form.errors or limit_form.errors else 200
    # The answer to the form leads to the app: browsers hold that against the policy of the page with the form.
    policy: dict[str, Any] = settings.SECURE_CSP | {"form-action": [CSP.SELF, asked.origin]}
    led = csp_override(policy)
    response: HttpResponse = led(lambda _: render(request, "connect/page.html", context, status=status))(request)
    return response
