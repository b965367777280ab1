"""The list of API keys, where one is made; their limits and the caps of members."""

from collections import defaultdict
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import Access, access_get
from accounts.api_key_selectors import PAGE_ROWS, ApiKeyFilter, api_key_by_id, api_keys_count, api_keys_page
from accounts.api_keys import NewApiKey, api_key_create
from accounts.errors import AccountsError
from accounts.form_once import FormSentBefore, form_once
from accounts.parts import page_or_parts
from accounts.roles import Action
from billing.limits import (
    LimitSubjectNotFound,
    LimitView,
    keys_near_limit,
    limit_remove,
    limit_set,
    limits_list,
    limits_of,
)
from catalog.selectors import catalog_list
from tokenoutput.key_forms import (
    LIMIT_SUGGESTED,
    ApiKeyForm,
    ApiKeyRulesForm,
    KeysFilterForm,
    LimitForm,
    NewKeyLimitForm,
)

Forms = tuple[ApiKeyForm, NewKeyLimitForm, ApiKeyRulesForm]
CURSOR_DIGITS_MAX = 18


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
    forms = ApiKeyForm(request.POST), NewKeyLimitForm(limits), ApiKeyRulesForm(request.POST, models=_models())
    valid = [form.is_valid() for form in forms]  # All of them: each says what is wrong with it.
    if not all(valid):
        return _page(request, access, forms, status=422)
    try:
        made = form_once(
            request,
            partial(_key_make, access, forms),
            name=forms[0].cleaned_data["name"],
            page=lambda made: reverse("key", args=[slug, made.public_hash]),
        )
    except FormSentBefore as before:
        return _page(request, access, _forms_fresh(), before=before)
    except ValidationError as error:
        forms[0].add_error("name", error)
    except AccountsError as error:
        forms[0].add_error(None, str(error))
    else:
        return _page(request, access, _forms_fresh(), made=made)
    return _page(request, access, forms, status=422)


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
    organization_id = access.organization.id
    limit = next((one for one in limits_list(organization_id=organization_id) if one.id == limit_id), None)
    try:
        limit_remove(organization_id=organization_id, limit_id=limit_id, user_id=access.user_id)
    except LimitSubjectNotFound as error:
        raise Http404(str(error)) from error
    messages.success(request, _("The limit is gone."))
    return _subject(access, limit.api_key_id if limit else None)


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
    return _subject(access, api_key_id)


def _subject(access: Access, api_key_id: int | None) -> HttpResponse:
    """Back to the page of the key that it was about, or to the members, whose caps are there."""
    organization = access.organization
    if api_key_id is None:
        return redirect("members", slug=organization.slug)
    api_key = api_key_by_id(organization_id=organization.id, api_key_id=api_key_id)
    if api_key is None:
        raise Http404("There is no such API key.")
    return redirect("key", slug=organization.slug, public_hash=api_key.public_hash)


@transaction.atomic
def _key_make(access: Access, forms: Forms) -> NewApiKey:
    """The key and its limit together: no key lives for a moment without it."""
    form, limit_form, rules_form = forms
    made = api_key_create(
        organization_id=access.organization.id,
        name=form.cleaned_data["name"],
        member_id=access.organization.member_id,
        expires_at=form.expires_at(),
        rules=rules_form.rules(),
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


def _models() -> list[str]:
    return [row.public_id for row in catalog_list()]


def _forms_fresh() -> Forms:
    return ApiKeyForm(), NewKeyLimitForm(initial=LIMIT_SUGGESTED), ApiKeyRulesForm(models=_models())


def _page(
    request: HttpRequest,
    access: Access,
    forms: Forms,
    *,
    made: NewApiKey | None = None,
    before: FormSentBefore | None = None,
    status: int = 200,
) -> HttpResponse:
    organization_id = access.organization.id
    filter_form = KeysFilterForm(request.GET)
    filter_form.full_clean()
    asked = {name: value for name, value in filter_form.cleaned_data.items() if value}
    only = _filter(organization_id, asked)
    after = cursor_read(request.GET.get("after", ""))
    found = api_keys_page(organization_id=organization_id, only=only, after=after, limit=PAGE_ROWS + 1)
    shown = found[:PAGE_ROWS]
    limits: dict[int, list[LimitView]] = defaultdict(list)
    for limit in limits_of(organization_id=organization_id, api_key_ids=[key.id for key in shown]):
        limits[limit.api_key_id or 0].append(limit)
    context = {
        "access": access,
        "form": forms[0],
        "limit_form": forms[1],
        "rules_form": forms[2],
        "made": made,
        "before": before,
        "keys": [(key, limits[key.id]) for key in shown],
        "filter_form": filter_form,
        "filtered": bool(asked),
        "after": after,
        "older": urlencode(asked | {"after": shown[-1].id}) if len(found) > PAGE_ROWS else "",
        "newest": urlencode(asked),
        "total": api_keys_count(organization_id=organization_id) if asked and not shown else None,
    }
    return page_or_parts(request, "app/keys.html", context, status=status)


def _filter(organization_id: int, asked: dict[str, Any]) -> ApiKeyFilter:
    state = asked.get("state", "")
    if state == "near":
        return ApiKeyFilter(q=asked.get("q", ""), state="active", ids=keys_near_limit(organization_id=organization_id))
    return ApiKeyFilter(q=asked.get("q", ""), state=state)


def cursor_read(text: str) -> int | None:
    """The id in a query string, where there is one; 404 for what is none."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= CURSOR_DIGITS_MAX):
        raise Http404
    return int(text)
