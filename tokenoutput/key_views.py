"""The page of API keys with their spending limits, and the caps of members."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import Access, access_get
from accounts.errors import AccountsError, ApiKeyNotFound
from accounts.roles import Action
from accounts.selectors import api_keys_list, members_list
from accounts.services import NewApiKey, api_key_create, api_key_revoke
from billing.limits import LimitSubjectNotFound, limit_remove, limit_set, limits_list
from tokenoutput.key_forms import LIMIT_SUGGESTED, ApiKeyForm, LimitForm, NewKeyLimitForm

Forms = tuple[ApiKeyForm, NewKeyLimitForm]


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def keys(request: HttpRequest, slug: str) -> HttpResponse:
    """The API keys; a POST makes one and shows its secret in its own answer, once: nothing here may be stored."""
    if request.method == "GET":
        return _page(request, access_get(request, slug=slug), _forms_fresh())
    access = access_get(request, slug=slug, action=Action.API_KEYS_CHANGE)
    # Who may not change limits sets none, whatever the form says.
    limits = request.POST if access.organization.may(Action.LIMITS_CHANGE) else {}
    form, limit_form = ApiKeyForm(request.POST), NewKeyLimitForm(limits)
    if not all([form.is_valid(), limit_form.is_valid()]):
        return _page(request, access, (form, limit_form), status=422)
    try:
        made = _key_make(access, form, limit_form)
    except ValidationError as error:
        form.add_error("name", error)
    except AccountsError as error:
        form.add_error(None, str(error))
    else:
        return _page(request, access, _forms_fresh(), made=made)
    return _page(request, access, (form, limit_form), status=422)


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


@require_POST
@login_required
def key_limit(request: HttpRequest, slug: str, api_key_id: int) -> HttpResponse:
    """Set or change the limit of a key in one window."""
    return _limit_set(request, slug, api_key_id=api_key_id)


@require_POST
@login_required
def member_cap(request: HttpRequest, slug: str, member_id: int) -> HttpResponse:
    """Set or change what all keys of a member may spend in one window."""
    return _limit_set(request, slug, member_id=member_id)


@require_POST
@login_required
def limit_delete(request: HttpRequest, slug: str, limit_id: int) -> HttpResponse:
    """Take a limit away."""
    access = access_get(request, slug=slug, action=Action.LIMITS_CHANGE)
    try:
        limit_remove(organization_id=access.organization.id, limit_id=limit_id, user_id=access.user_id)
    except LimitSubjectNotFound as error:
        raise Http404(str(error)) from error
    messages.success(request, _("The limit is gone."))
    return redirect("keys", slug=slug)


def _limit_set(
    request: HttpRequest, slug: str, *, api_key_id: int | None = None, member_id: int | None = None
) -> HttpResponse:
    access = access_get(request, slug=slug, action=Action.LIMITS_CHANGE)
    form = LimitForm(request.POST)
    if form.is_valid():
        try:
            limit_set(
                organization_id=access.organization.id,
                api_key_id=api_key_id,
                member_id=member_id,
                period=form.cleaned_data["limit_period"],
                amount_nanos=form.cleaned_data["limit_nanos"],
                user_id=access.user_id,
            )
        except LimitSubjectNotFound as error:
            raise Http404(str(error)) from error
        messages.success(request, _("The limit holds from the next request on. What its window saw so far counts."))
    else:
        said = " ".join(str(words) for errors in form.errors.values() for words in errors)
        messages.error(request, _("No limit was set. %(said)s") % {"said": said})
    return redirect("keys", slug=slug)


@transaction.atomic
def _key_make(access: Access, form: ApiKeyForm, limit_form: NewKeyLimitForm) -> NewApiKey:
    """The key and its limit together: no key lives for a moment without it."""
    made = api_key_create(
        organization_id=access.organization.id,
        name=form.cleaned_data["name"],
        member_id=access.organization.member_id,
        expires_at=form.expires_at(),
    )
    if period := limit_form.cleaned_data["limit_period"]:
        amount_nanos = limit_form.cleaned_data["limit_nanos"]
        limit_set(
            organization_id=access.organization.id,
            api_key_id=made.id,
            period=period,
            amount_nanos=amount_nanos,
            user_id=access.user_id,
        )
    return made


def _forms_fresh() -> Forms:
    return ApiKeyForm(), NewKeyLimitForm(initial=LIMIT_SUGGESTED)


def _page(
    request: HttpRequest, access: Access, forms: Forms, *, made: NewApiKey | None = None, status: int = 200
) -> HttpResponse:
    organization_id = access.organization.id
    limits = limits_list(organization_id=organization_id)
    of_keys = {limit.api_key_id: [each for each in limits if each.api_key_id == limit.api_key_id] for limit in limits}
    of_members = {limit.member_id: [each for each in limits if each.member_id == limit.member_id] for limit in limits}
    context = {
        "access": access,
        "form": forms[0],
        "limit_form": forms[1],
        "change_form": LimitForm(auto_id=False),
        "made": made,
        "keys": [(key, of_keys.get(key.id, [])) for key in api_keys_list(organization_id=organization_id)],
        "members": [
            (member, of_members.get(member.id, [])) for member in members_list(organization_id=organization_id)
        ],
    }
    return render(request, "app/keys.html", context, status=status)
