"""Who may change what: one check for keys, one for invites, roles and removals."""

from collections.abc import Collection
from dataclasses import dataclass

from django.core.exceptions import ValidationError

from accounts.errors import EmailNotVerified, MemberNotFound, RoleNotAllowed
from accounts.models import Membership
from accounts.roles import Action, Role, role_may
from accounts.selectors import email_verified

_DOINGS = {
    Action.API_KEYS_CHANGE: "change API keys",
    Action.MANAGEMENT_KEYS_CHANGE: "change management keys",
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes members; without a user it is the organisation's own program."""

    user_id: int | None
    role: str


def member_check(*, organization_id: int, member_id: int, action: Action) -> int:
    """The user behind a member whose role and e-mail address allow `action`.

    Raises `MemberNotFound`, `EmailNotVerified`, `RoleNotAllowed`.
    """
    members = Membership.objects.select_related("user").filter(organization_id=organization_id)
    member = members.filter(id=member_id).first()
    if member is None or not member.user.is_active:
        raise MemberNotFound("There is no such member in this organisation.")
    if not email_verified(user=member.user):
        raise EmailNotVerified("Verify the e-mail address first.")
    if not role_may(member.role, action):
        raise RoleNotAllowed(f"A member with the role {member.role} may not {_DOINGS[action]}.")
    return int(member.user.pk)


def actor_check(*, organization_id: int, by_member_id: int | None, roles: Collection[str]) -> Actor:
    """The actor, if they may give or take all of `roles`: only an owner makes or unmakes owners.

    Raises `MemberNotFound`, `RoleNotAllowed`; `ValidationError` for a role that is none.
    """
    if not set(roles) <= set(Role.values):
        raise ValidationError("There is no such role.", code="role")
    actor = Actor(user_id=None, role=Role.ADMIN)
    if by_member_id is not None:
        members = Membership.objects.filter(organization_id=organization_id, user__is_active=True)
        member = members.filter(id=by_member_id).first()
        if member is None:
            raise MemberNotFound("There is no such member in this organisation.")
        actor = Actor(user_id=member.user_id, role=member.role)
    if not role_may(actor.role, Action.MEMBERS_CHANGE):
        raise RoleNotAllowed(f"A member with the role {actor.role} may not change members.")
    if Role.OWNER in roles and actor.role != Role.OWNER:
        raise RoleNotAllowed("Only an owner may make, change or remove an owner.")
    return actor
