"""The guard every signed-in page starts with: the organisation of the URL, as its visitor may see it."""

from dataclasses import dataclass

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.roles import Action, Role
from accounts.selectors import OrganizationView, organization_access, organizations_of


@dataclass(frozen=True, slots=True)
class Access:
    """What a signed-in page knows of its visitor: the organisation with their role, and the others they are in."""

    user_id: int
    organization: OrganizationView
    organizations: list[OrganizationView]


def access_get(request: HttpRequest, *, slug: str, action: Action = Action.READ) -> Access:
    """404 for a stranger; 403 for a member whose role does not allow `action`."""
    if request.user.pk is None:
        raise Http404
    organization = organization_access(user=request.user, slug=slug)
    if not organization.may(action):
        raise PermissionDenied(
            _("Your role here, %(role)s, may not do this. Ask an owner of the organisation.")
            % {"role": organization.role}
        )
    if second_step_missing(request.user, organization):
        messages.warning(request, _("Owners need a second step here: add a passkey or an authenticator app."))
        raise ImmediateHttpResponse(redirect("mfa_index"))
    return Access(user_id=request.user.pk, organization=organization, organizations=organizations_of(user=request.user))


def second_step_missing(user: User | AnonymousUser, organization: OrganizationView) -> bool:
    """Whether this owner has to add a second step before they see their organisation."""
    if not settings.MFA_REQUIRED_FOR_OWNERS or organization.role != Role.OWNER:
        return False
    return not is_mfa_enabled(user)


def user_of(request: HttpRequest) -> User | None:
    """Who is signed in, if anybody."""
    return request.user if isinstance(request.user, User) else None
