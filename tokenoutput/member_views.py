"""The page of members: who can do and spend what, and who is invited."""

from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import Access, RoleDenied, access_get
from accounts.errors import AccountsError, InviteNotFound, MemberNotFound, RoleNotAllowed
from accounts.form_once import FormSentBefore, form_once
from accounts.invites import InviteView, invite_create, invite_resend, invite_revoke, invites_of
from accounts.members import member_remove, member_role_change
from accounts.roles import Action, Role
from accounts.selectors import api_key_members, members_list
from billing.limits import limits_list
from billing.member_spend import spend_by_key
from tokenoutput.key_forms import LimitForm
from tokenoutput.member_forms import ROLE_CHOICES, InviteForm, LeaveForm, RoleForm


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def members(request: HttpRequest, slug: str) -> HttpResponse:
    """Everybody, and those who are invited; a POST invites one more."""
    if request.method == "GET":
        return _page(request, access_get(request, slug=slug), InviteForm())
    access = access_get(request, slug=slug, action=Action.MEMBERS_CHANGE)
    form = InviteForm(request.POST)
    if form.is_valid():
        try:
            email = form.cleaned_data["email"]
            make = partial(
                invite_create,
                organization_id=access.organization.id,
                email=email,
                role=form.cleaned_data["role"],
                by_member_id=access.organization.member_id,
                cap_nanos=form.cleaned_data["cap_nanos"],
            )
            _invite_once(request, make, email)
        except ValidationError as error:
            form.add_error("email", error)
        except RoleNotAllowed as error:
            form.add_error("role", str(error))
        except AccountsError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("An invite is on its way to %(email)s.") % {"email": email})
            return redirect("members", slug=slug)
    return _page(request, access, form, status=422)


def _invite_once(request: HttpRequest, make: partial[InviteView], email: str) -> None:
    """Pressed twice, one is made; the second answer is the first one."""
    with suppress(FormSentBefore):
        form_once(request, make, name=email)


@require_POST
@login_required
def invite_again(request: HttpRequest, slug: str, invite_id: int) -> HttpResponse:
    """Send an invite once more, with a new link."""
    access = access_get(request, slug=slug, action=Action.MEMBERS_CHANGE)
    who = {"organization_id": access.organization.id, "by_member_id": access.organization.member_id}
    return _do(request, access, lambda: invite_resend(invite_id=invite_id, **who), _("A new link is on its way."))


@require_POST
@login_required
def invite_stop(request: HttpRequest, slug: str, invite_id: int) -> HttpResponse:
    """Revoke an invite."""
    access = access_get(request, slug=slug, action=Action.MEMBERS_CHANGE)
    who = {"organization_id": access.organization.id, "by_member_id": access.organization.member_id}
    return _do(request, access, lambda: invite_revoke(invite_id=invite_id, **who), _("The invite is revoked."))


@require_POST
@login_required
def member_role(request: HttpRequest, slug: str, member_id: int) -> HttpResponse:
    """Give a member another role."""
    access = access_get(request, slug=slug, action=Action.MEMBERS_CHANGE)
    form = RoleForm(request.POST)
    role = form.cleaned_data["role"] if form.is_valid() else ""

    def act() -> None:
        member_role_change(
            organization_id=access.organization.id,
            member_id=member_id,
            role=role,
            by_member_id=access.organization.member_id,
        )

    return _do(request, access, act, _("The role is changed, from now on."))


@require_POST
@login_required
def member_leave(request: HttpRequest, slug: str, member_id: int) -> HttpResponse:
    """Take a member out, or leave; the form says what becomes of the keys."""
    own = access_get(request, slug=slug).organization.member_id == member_id
    access = access_get(request, slug=slug, action=Action.READ if own else Action.MEMBERS_CHANGE)
    form = LeaveForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Nobody was removed. Say what becomes of the keys."))
        return redirect("members", slug=slug)

    def act() -> None:
        member_remove(
            organization_id=access.organization.id,
            member_id=member_id,
            keys=form.cleaned_data["keys"],
            by_member_id=access.organization.member_id,
            to_member_id=form.cleaned_data["to_member_id"],
        )

    said = _("You have left %(name)s.") % {"name": access.organization.name} if own else _("The member is removed.")
    return _do(request, access, act, said, then="app_home" if own else "members")


def _do(request: HttpRequest, access: Access, act: Any, said: str, then: str = "members") -> HttpResponse:
    slug = access.organization.slug
    try:
        act()
    except RoleNotAllowed as error:
        # What an admin's page does not offer: to make, change or remove an owner.
        raise RoleDenied(access.organization, [Role.OWNER]) from error
    except (InviteNotFound, MemberNotFound) as error:
        if "Choose" not in str(error):
            raise Http404(str(error)) from error
        messages.error(request, str(error))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    except AccountsError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said)
        return redirect(then, slug=slug) if then == "members" else redirect(then)
    return redirect("members", slug=slug)


def _page(request: HttpRequest, access: Access, form: InviteForm, *, status: int = 200) -> HttpResponse:
    organization_id = access.organization.id
    listed = members_list(organization_id=organization_id)
    month = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    spent: dict[int | None, int] = {}
    holders = api_key_members(organization_id=organization_id)
    for key_id, nanos in spend_by_key(organization_id=organization_id, since=month).items():
        spent[holders.get(key_id)] = spent.get(holders.get(key_id), 0) + nanos
    limits = limits_list(organization_id=organization_id)
    is_owner = access.organization.role == Role.OWNER
    context = {
        "access": access,
        "form": form,
        "change_form": LimitForm(auto_id=False),
        "roles": [choice for choice in ROLE_CHOICES if is_owner or choice[0] != Role.OWNER],
        "is_owner": is_owner,
        "heirs": [member for member in listed if member.role in {Role.OWNER, Role.ADMIN, Role.DEVELOPER}],
        "rows": [
            (member, [limit for limit in limits if limit.member_id == member.id], spent.get(member.id, 0))
            for member in listed
        ],
        "invites": invites_of(organization_id=organization_id) if access.organization.may_change_members else [],
    }
    return render(request, "app/members.html", context, status=status)
