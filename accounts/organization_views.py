"""Pages of the organisation itself: its settings and its audit log."""

from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import access_get
from accounts.audit import PAGE_ROWS, AuditFilter, audit_list
from accounts.names import NAME_LENGTH_MAX
from accounts.roles import Action
from accounts.selectors import members_list
from accounts.services import organization_rename

CURSOR_DIGITS_MAX = 18


class NameForm(forms.Form):
    """The organisation's name."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=NAME_LENGTH_MAX,
        help_text=gettext_lazy("Its address stays the same, so links go on working."),
    )


class AuditForm(forms.Form):
    """What to show of the log, all in the query string."""

    action = forms.CharField(label=gettext_lazy("What"), required=False, max_length=64)
    actor = forms.CharField(label=gettext_lazy("Who"), required=False, max_length=254)
    target = forms.CharField(label=gettext_lazy("On what"), required=False, max_length=254)


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def organization_settings(request: HttpRequest, slug: str) -> HttpResponse:
    """The name, and the way out."""
    action = Action.SETTINGS_CHANGE if request.method == "POST" else Action.READ
    access = access_get(request, slug=slug, action=action)
    form = NameForm(request.POST if request.method == "POST" else None, initial={"name": access.organization.name})
    if request.method == "POST" and form.is_valid():
        try:
            organization_rename(
                organization_id=access.organization.id, name=form.cleaned_data["name"], user_id=access.user_id
            )
        except ValidationError as error:
            form.add_error("name", error)
        else:
            messages.success(request, _("Saved."))
            return redirect("organization_settings", slug=slug)
    heirs = [
        member
        for member in members_list(organization_id=access.organization.id)
        if member.id != access.organization.member_id and member.role in {"owner", "admin", "developer"}
    ]
    context = {"access": access, "form": form, "heirs": heirs}
    return render(request, "app/settings.html", context, status=422 if form.errors else 200)


@never_cache
@require_GET
@login_required
def audit(request: HttpRequest, slug: str) -> HttpResponse:
    """Who did what, newest first."""
    access = access_get(request, slug=slug, action=Action.AUDIT_READ)
    cursor = request.GET.get("before", "")
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= CURSOR_DIGITS_MAX):
        raise Http404
    form = AuditForm(request.GET)
    form.full_clean()
    asked = {name: value.replace("\x00", "") for name, value in form.cleaned_data.items() if value}
    lines = audit_list(
        organization_id=access.organization.id,
        only=AuditFilter(**asked),
        before=int(cursor) if cursor else None,
        limit=PAGE_ROWS + 1,
    )
    page = lines[:PAGE_ROWS]
    older = urlencode(asked | {"before": str(page[-1].id)}) if len(lines) > PAGE_ROWS else ""
    context = {"access": access, "form": form, "lines": page, "older": older, "before": cursor, "filtered": bool(asked)}
    return render(request, "app/audit.html", context)
