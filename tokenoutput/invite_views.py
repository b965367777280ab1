"""The page an invite's link leads to, and the making of a further organisation."""

from functools import partial
from typing import TYPE_CHECKING

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.access import user_of
from accounts.errors import AccountsError, InviteNotFound, InviteNotOpen
from accounts.form_once import FormSentBefore, form_once
from accounts.invites import (
    InviteView,
    Joined,
    invite_accept,
    invite_ask_again,
    invite_by_token,
    invite_is_for,
)
from accounts.services import organization_found
from billing.ledger import wallet_open
from billing.limits import limit_set
from tokenoutput.member_forms import OrganizationForm

if TYPE_CHECKING:
    from accounts.models import User


@never_cache
@require_http_methods(["GET", "POST"])
def invite(request: HttpRequest, token: str) -> HttpResponse:
    """Join the right organisation as the right person; each case says what can be done."""
    found = invite_by_token(token=token)
    if found is None:
        return render(request, "invite/page.html", {"case": "unknown"}, status=404)
    if request.method == "POST" and found.state == "expired":
        invite_ask_again(token=token)
        return render(request, "invite/page.html", {"invite": found, "case": "asked", "token": token})
    case = _case(request, found)
    user = user_of(request)
    if request.method == "POST" and case in {"mine", "used"} and user is not None:
        try:
            joined = _join(token, user)
        except (InviteNotFound, InviteNotOpen):
            case = _case(request, invite_by_token(token=token) or found)
        else:
            messages.success(request, _("Welcome to %(name)s.") % {"name": found.organization})
            return redirect("overview", slug=joined.slug)
    if case == "signed_out":
        # Only the mailbox has the link: a sign-up with this address in this session needs no code.
        get_adapter().stash_verified_email(request, found.email)
    return render(request, "invite/page.html", {"invite": found, "case": case, "token": token})


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def organization_new(request: HttpRequest) -> HttpResponse:
    """A further organisation, with a balance of its own."""
    form = OrganizationForm(request.POST or None)
    user = user_of(request)
    if request.method == "POST" and form.is_valid() and user is not None:
        name = form.cleaned_data["name"]
        try:
            page = form_once(request, partial(_found, name, user), name=name, page=str)
        except FormSentBefore as before:
            return redirect(before.page)
        except ValidationError as error:
            form.add_error("name", error)
        except AccountsError as error:
            form.add_error(None, str(error))
        else:
            return redirect(page)
    return render(request, "invite/organization_new.html", {"form": form}, status=422 if form.errors else 200)


@transaction.atomic
def _found(name: str, owner: "User") -> str:
    """The organisation and its balance together; its overview's address."""
    made = organization_found(name=name, owner=owner)
    wallet_open(organization_id=made.id)
    return reverse("overview", args=[made.slug])


@transaction.atomic
def _join(token: str, user: "User") -> Joined:
    """The member and their cap together."""
    joined = invite_accept(token=token, user=user)
    if joined.cap_nanos:
        limit_set(
            organization_id=joined.organization_id,
            member_id=joined.member_id,
            period="monthly",
            amount_nanos=joined.cap_nanos,
        )
    return joined


def _case(request: HttpRequest, found: InviteView) -> str:
    if found.state != "open":
        return found.state
    user = user_of(request)
    if user is None:
        return "signed_out"
    return "mine" if invite_is_for(email=found.email, user=user) else "other"
