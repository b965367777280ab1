"""The guard every signed-in page starts with: what the visitor may see and do in an organisation."""

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.roles import Action, role_may
from accounts.selectors import OrganizationView, organization_access, organizations_of


@dataclass(frozen=True, slots=True)
class Access:
    """What a signed-in page knows of its visitor: the organisation, the others, what the role allows."""

    organization: OrganizationView
    organizations: list[OrganizationView]
    may_change_keys: bool
    may_change_money: bool


def access_get(request: HttpRequest, *, slug: str) -> Access:
    """The visitor's view of the organisation; 404 where it is not theirs."""
    organization = organization_access(user=request.user, slug=slug)
    return Access(
        organization=organization,
        organizations=organizations_of(user=request.user),
        may_change_keys=role_may(organization.role, Action.API_KEYS_CHANGE),
        may_change_money=role_may(organization.role, Action.MONEY_CHANGE),
    )


def access_require(request: HttpRequest, *, slug: str, action: Action) -> Access:
    """As `access_get`, before a change: 404 for a stranger, 403 for a member whose role may not."""
    access = access_get(request, slug=slug)
    if not role_may(access.organization.role, action):
        raise PermissionDenied(
            _("Your role here, %(role)s, may not do this. Ask an owner of the organisation.")
            % {"role": access.organization.role}
        )
    return access
