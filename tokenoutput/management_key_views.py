"""The page of management keys: for programs that manage the organisation."""

from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import Access, access_get
from accounts.errors import AccountsError, ManagementKeyNotFound
from accounts.form_once import FormSentBefore, form_once
from accounts.management_keys import (
    NewManagementKey,
    management_key_create,
    management_key_revoke,
    management_keys_list,
)
from accounts.roles import Action
from tokenoutput.management_key_forms import ManagementKeyForm


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def management_keys(request: HttpRequest, slug: str) -> HttpResponse:
    """The management keys; a POST makes one and shows its secret in its own answer, once: never stored."""
    access = access_get(request, slug=slug, action=Action.MANAGEMENT_KEYS_CHANGE)
    if request.method == "GET":
        return _page(request, access, ManagementKeyForm())
    form = ManagementKeyForm(request.POST)
    if form.is_valid():
        try:
            make = partial(
                management_key_create,
                organization_id=access.organization.id,
                member_id=access.organization.member_id,
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                allowed_ips=form.cleaned_data["allowed_ips"],
                expires_at=form.expires_at(),
            )
            made = form_once(request, make, name=form.cleaned_data["name"])
        except FormSentBefore as before:
            return _page(request, access, ManagementKeyForm(), before=before)
        except ValidationError as error:
            form.add_error(None, error)
        except AccountsError as error:
            form.add_error(None, str(error))
        else:
            return _page(request, access, ManagementKeyForm(), made=made)
    return _page(request, access, form, status=422)


@require_POST
@login_required
def management_key_end(request: HttpRequest, slug: str, management_key_id: int) -> HttpResponse:
    """Revoke a management key."""
    access = access_get(request, slug=slug, action=Action.MANAGEMENT_KEYS_CHANGE)
    try:
        management_key_revoke(
            organization_id=access.organization.id,
            management_key_id=management_key_id,
            member_id=access.organization.member_id,
        )
    except ManagementKeyNotFound as error:
        raise Http404(str(error)) from error
    messages.success(request, _("The management key is revoked. Programs that use it are refused from now on."))
    return redirect("management_keys", slug=slug)


def _page(
    request: HttpRequest,
    access: Access,
    form: ManagementKeyForm,
    *,
    made: NewManagementKey | None = None,
    before: FormSentBefore | None = None,
    status: int = 200,
) -> HttpResponse:
    keys = management_keys_list(organization_id=access.organization.id)
    context = {"access": access, "form": form, "made": made, "before": before, "keys": keys}
    return render(request, "app/management_keys.html", context, status=status)
