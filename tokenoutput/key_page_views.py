"""The page of one API key: what it may still spend, its rules, a new secret, off and on, and its end."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache, partial
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import Access, access_get
from accounts.api_key_selectors import ApiKeyView, api_key_get
from accounts.api_keys import (
    ApiKeyChanges,
    NewApiKey,
    api_key_disable,
    api_key_enable,
    api_key_revoke,
    api_key_rotate,
    api_key_update,
)
from accounts.errors import AccountsError
from accounts.form_once import FormSentBefore, form_once
from accounts.parts import page_or_parts
from accounts.roles import Action
from billing.key_use import key_use
from billing.limits import limits_of
from billing.selectors import WalletNotFound, wallet_get
from catalog.selectors import catalog_list
from tokenoutput.key_forms import ApiKeyEditForm, ApiKeyRulesForm, LimitForm, RevokeForm, RotateForm
from tokenoutput.key_headroom import headroom_of, scope_of

WEEK = timedelta(days=7)
# What the page knows of money: asked of the database once, and only for a part that shows some of it.
FIGURES = ("limits", "others", "available_nanos", "headroom", "day", "week", "stops_at")


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def key(request: HttpRequest, slug: str, public_hash: str) -> HttpResponse:
    """Look at a key; a POST changes its name, expiry and rules."""
    action = Action.API_KEYS_CHANGE if request.method == "POST" else Action.READ
    access, api_key = _find(request, slug, public_hash, action)
    if request.method == "GET":
        return _page(request, access, api_key)
    form, rules = ApiKeyEditForm(request.POST), ApiKeyRulesForm(request.POST, models=_models(api_key))
    if all([form.is_valid(), rules.is_valid()]):
        changes = cast(ApiKeyChanges, {**rules.rules(), "name": form.cleaned_data["name"]})
        if form.changes_expiry():
            changes["expires_at"] = form.expires_at()
        try:
            api_key_update(**_acting(access, api_key), changes=changes)
        except ValidationError as error:
            form.add_error(None, error)
        except AccountsError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Saved. It holds from the next request on."))
            return redirect("key", slug=slug, public_hash=public_hash)
    return _page(request, access, api_key, status=422, edit_form=form, rules_form=rules)


@never_cache
@require_POST
@login_required
def key_rotate(request: HttpRequest, slug: str, public_hash: str) -> HttpResponse:
    """A new secret, shown once in this answer: nothing here may be stored."""
    access, api_key = _find(request, slug, public_hash, Action.API_KEYS_CHANGE)
    form = RotateForm(request.POST)
    if form.is_valid():
        try:
            rotate = partial(
                api_key_rotate,
                **_acting(access, api_key),
                grace_seconds=int(form.cleaned_data["grace"]),
                last_four=form.cleaned_data["last_four"],
            )
            made = form_once(request, rotate, name=api_key.name)
        except FormSentBefore as before:
            return _page(request, *_find(request, slug, public_hash, Action.READ), before=before)
        except AccountsError as error:
            form.add_error(None, str(error))
        else:
            return _page(request, *_find(request, slug, public_hash, Action.READ), made=made)
    return _page(request, access, api_key, status=422, rotate_form=form)


@require_POST
@login_required
def key_disable(request: HttpRequest, slug: str, public_hash: str) -> HttpResponse:
    """Off, until somebody switches it on again."""
    access, api_key = _find(request, slug, public_hash, Action.API_KEYS_CHANGE)
    return _switch(request, access, api_key, on=False)


@require_POST
@login_required
def key_enable(request: HttpRequest, slug: str, public_hash: str) -> HttpResponse:
    """On again."""
    access, api_key = _find(request, slug, public_hash, Action.API_KEYS_CHANGE)
    return _switch(request, access, api_key, on=True)


@never_cache
@require_POST
@login_required
def key_revoke(request: HttpRequest, slug: str, public_hash: str) -> HttpResponse:
    """The end of a key, once its name was typed."""
    access, api_key = _find(request, slug, public_hash, Action.API_KEYS_CHANGE)
    form = RevokeForm(request.POST, name=api_key.name)
    if not form.is_valid():
        return _page(request, access, api_key, status=422, revoke_form=form)
    api_key_revoke(**_acting(access, api_key))
    messages.success(request, _("The key is revoked. Requests with it are refused from now on."))
    return redirect("keys", slug=slug)


def _find(request: HttpRequest, slug: str, public_hash: str, action: Action) -> tuple[Access, ApiKeyView]:
    access = access_get(request, slug=slug, action=action)
    api_key = api_key_get(organization_id=access.organization.id, public_hash=public_hash)
    if api_key is None:
        raise Http404("There is no such API key.")
    return access, api_key


def _acting(access: Access, api_key: ApiKeyView) -> dict[str, int]:
    return {
        "organization_id": access.organization.id,
        "api_key_id": api_key.id,
        "member_id": access.organization.member_id,
    }


def _switch(request: HttpRequest, access: Access, api_key: ApiKeyView, *, on: bool) -> HttpResponse:
    said = _("“%(name)s” is on again.") if on else _("“%(name)s” is off. Requests with it are refused until it is on.")
    try:
        (api_key_enable if on else api_key_disable)(**_acting(access, api_key))
    except AccountsError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said % {"name": api_key.name})
    slug = access.organization.slug
    if request.POST.get("back") == "keys":
        return redirect("keys", slug=slug)
    return redirect("key", slug=slug, public_hash=api_key.public_hash)


def _models(api_key: ApiKeyView) -> list[str]:
    """What may be chosen: what is for sale, and what the key has already."""
    return list(dict.fromkeys([row.public_id for row in catalog_list()] + list(api_key.allowed_models or ())))


def _page(
    request: HttpRequest,
    access: Access,
    api_key: ApiKeyView,
    *,
    status: int = 200,
    made: NewApiKey | None = None,
    before: FormSentBefore | None = None,
    **forms_given: forms.Form,
) -> HttpResponse:
    money = cache(lambda: _money(access, api_key))
    context = {
        "access": access,
        "key": api_key,
        "made": made,
        "before": before,
        "change_form": LimitForm(auto_id=False),
        **{name: partial(_figure, money, name) for name in FIGURES},
        "edit_form": ApiKeyEditForm(initial={"name": api_key.name}),
        "rules_form": cache(
            lambda: ApiKeyRulesForm(models=_models(api_key), initial=ApiKeyRulesForm.initial_of(api_key))
        ),
        "rotate_form": RotateForm(initial={"grace": "3600", "last_four": api_key.last_four}),
        "revoke_form": RevokeForm(name=api_key.name),
        **forms_given,
    }
    return page_or_parts(request, "app/key.html", context, status=status)


def _figure(money: Callable[[], dict[str, Any]], name: str) -> Any:
    return money()[name]


def _money(access: Access, api_key: ApiKeyView) -> dict[str, Any]:
    """What stands between the key and the next request, and what came through it lately."""
    organization_id, now = access.organization.id, timezone.now()
    members = [] if api_key.member_id is None else [api_key.member_id]
    limits = limits_of(organization_id=organization_id, api_key_ids=[api_key.id], member_ids=members, budgets=True)
    try:
        available_nanos = wallet_get(organization_id=organization_id).available_nanos
    except WalletNotFound:
        available_nanos = 0
    headroom = headroom_of(limits=limits, available_nanos=available_nanos)
    who = {"organization_id": organization_id, "api_key_id": api_key.id}
    week = key_use(**who, since=now - WEEK)
    per_second = week.spent_nanos / WEEK.total_seconds()
    lasts = timedelta(seconds=min(headroom.left_nanos / per_second, 10**8)) if per_second else None
    resets_at = headroom.limit.resets_at if headroom.limit else None
    return {
        "limits": [limit for limit in limits if scope_of(limit) == "key"],
        "others": [(scope_of(limit), limit) for limit in limits if scope_of(limit) != "key"],
        "available_nanos": available_nanos,
        "headroom": headroom,
        "day": key_use(**who, since=now - timedelta(days=1)),
        "week": week,
        "stops_at": now + lasts if lasts is not None and (resets_at is None or now + lasts < resets_at) else None,
    }
