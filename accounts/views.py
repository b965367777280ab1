"""Pages of accounts: the way into the dashboard, and API keys."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import Access, access_get
from accounts.errors import AccountsError, ApiKeyNotFound
from accounts.forms import ApiKeyForm
from accounts.roles import Action
from accounts.selectors import api_keys_list, organizations_of
from accounts.services import NewApiKey, api_key_create, api_key_revoke


@require_GET
@login_required
def app_home(request: HttpRequest) -> HttpResponse:
    """To the visitor's first organisation."""
    for organization in organizations_of(user=request.user):
        return redirect("overview", slug=organization.slug)
    return render(request, "app/no_organization.html")


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def keys(request: HttpRequest, slug: str) -> HttpResponse:
    """The API keys; a POST makes one and shows its secret in its own answer, once: nothing here may be stored."""
    if request.method == "GET":
        return _keys_page(request, access_get(request, slug=slug), ApiKeyForm())
    access = access_get(request, slug=slug, action=Action.API_KEYS_CHANGE)
    form = ApiKeyForm(request.POST)
    if not form.is_valid():
        return _keys_page(request, access, form, status=422)
    try:
        made = api_key_create(
            organization_id=access.organization.id,
            name=form.cleaned_data["name"],
            member_id=access.organization.member_id,
            expires_at=form.expires_at(),
        )
    except ValidationError as error:
        form.add_error("name", error)
    except AccountsError as error:
        form.add_error(None, str(error))
    else:
        return _keys_page(request, access, ApiKeyForm(), made=made)
    return _keys_page(request, access, form, status=422)


@require_POST
@login_required
def key_revoke(request: HttpRequest, slug: str, api_key_id: int) -> HttpResponse:
    """Stop a key at once."""
    access = access_get(request, slug=slug, action=Action.API_KEYS_CHANGE)
    try:
        api_key_revoke(
            organization_id=access.organization.id,
            api_key_id=api_key_id,
            member_id=access.organization.member_id,
        )
    except ApiKeyNotFound as error:
        raise Http404(str(error)) from error
    messages.success(request, _("The key is revoked. Requests with it are refused from now on."))
    return redirect("keys", slug=slug)


def _keys_page(
    request: HttpRequest, access: Access, form: ApiKeyForm, *, made: NewApiKey | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "access": access,
        "form": form,
        "made": made,
        "keys": api_keys_list(organization_id=access.organization.id),
    }
    return render(request, "app/keys.html", context, status=status)
