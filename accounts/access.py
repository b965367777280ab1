"""The guard every signed-in page starts with: the organisation of the URL, as its visitor may see it."""

from collections.abc import Sequence
from dataclasses import dataclass

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.shortcuts import redirect
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.roles import Action, Role, roles_for
from accounts.selectors import OrganizationView, organization_access, organizations_of


@dataclass(frozen=True, slots=True)
class Access:
    """What a signed-in page knows of its visitor: the organisation with their role, and the others they are in."""

    user_id: int
    organization: OrganizationView
    organizations: list[OrganizationView]


class RoleDenied(PermissionDenied):
    """The visitor's role in the organisation does not allow what they asked for; `roles` do. There is a page for it."""

    def __init__(self, organization: OrganizationView, roles: Sequence[Role]) -> None:
        words = {
            "roles": get_text_list([str(role.label) for role in roles], _("or")),
            "role": Role(organization.role).label,
        }
        super().__init__(_("This needs the role %(roles)s. Yours here is %(role)s.") % words)
        self.organization = organization
        self.admins_can_help = Role.ADMIN in roles


def access_get(request: HttpRequest, *, slug: str, action: Action = Action.READ) -> Access:
    """404 for a stranger; 403 for a member whose role does not allow `action`."""
    if request.user.pk is None:
        raise Http404
    organization = organization_access(user=request.user, slug=slug)
    if not organization.may(action):
        raise RoleDenied(organization, roles_for(action))
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
