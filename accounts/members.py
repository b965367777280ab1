"""Members of an organisation: their role, and their leaving, which says what becomes of their keys."""

from typing import Literal

from django.db import transaction
from django.utils import timezone

from accounts.audit import audit_record
from accounts.errors import LastOwner, MemberNotFound
from accounts.member_rules import Actor, actor_check
from accounts.models import ApiKey, ManagementKey, Membership, Organization
from accounts.roles import Action, Role, role_may

KeysFate = Literal["revoke", "hand_over"]


@transaction.atomic
def member_role_change(*, organization_id: int, member_id: int, role: str, by_member_id: int | None) -> None:
    """Give a member another role. Raises `MemberNotFound`, `RoleNotAllowed`, `LastOwner`, `ValidationError`."""
    member = _member(organization_id, member_id)
    actor = actor_check(organization_id=organization_id, by_member_id=by_member_id, roles={member.role, role})
    if member.role == role:
        return
    if member.role == Role.OWNER:
        _other_owner_check(member)
    before, member.role = member.role, Role(role)
    member.save(update_fields=["role"])
    _record(member, actor, "member.role_changed", {"from": before, "to": role})


@transaction.atomic
def member_remove(
    *,
    organization_id: int,
    member_id: int,
    keys: KeysFate,
    by_member_id: int | None,
    to_member_id: int | None = None,
) -> None:
    """Take a member out, and revoke their keys or hand them to another. Everybody may take themselves out.

    Raises `MemberNotFound`, `RoleNotAllowed`, `LastOwner`.
    """
    member = _member(organization_id, member_id)
    if by_member_id == member_id:
        actor = Actor(user_id=member.user_id, role=member.role)
    else:
        actor = actor_check(organization_id=organization_id, by_member_id=by_member_id, roles={member.role})
    if member.role == Role.OWNER:
        _other_owner_check(member)
    ManagementKey.objects.filter(member=member, revoked_at=None).update(revoked_at=timezone.now())
    # What a member tried in the playground was theirs alone: nobody can take that key over.
    playground = ApiKey.objects.filter(member=member, is_playground=True, revoked_at=None)
    mine = ApiKey.objects.filter(member=member)
    if keys == "hand_over":
        playground.update(revoked_at=timezone.now())
        mine = mine.filter(is_playground=False)
        heir = _heir(organization_id, to_member_id, member)
        details = {"keys": "handed over", "to": heir.user.email, "count": str(mine.update(member=heir))}
    else:
        count = mine.filter(revoked_at=None).update(revoked_at=timezone.now())
        details = {"keys": "revoked", "count": str(count)}
    _record(member, actor, "member.left" if by_member_id == member_id else "member.removed", details)
    member.delete()


def _member(organization_id: int, member_id: int) -> Membership:
    # The organisation's row is locked first: two last owners can't leave at the same moment.
    Organization.objects.select_for_update().filter(id=organization_id).first()
    members = Membership.objects.select_related("user").filter(organization_id=organization_id)
    member = members.filter(id=member_id).first()
    if member is None:
        raise MemberNotFound("There is no such member in this organisation.")
    return member


def _other_owner_check(member: Membership) -> None:
    owners = Membership.objects.filter(
        organization_id=member.organization_id, role=Role.OWNER, user__is_active=True
    ).exclude(id=member.pk)
    if not owners.exists():
        raise LastOwner("An organisation keeps an owner: make another member an owner first.")


def _heir(organization_id: int, to_member_id: int | None, member: Membership) -> Membership:
    members = Membership.objects.select_related("user").filter(organization_id=organization_id, user__is_active=True)
    heir = members.filter(id=to_member_id or 0).exclude(id=member.pk).first()
    if heir is None or not role_may(heir.role, Action.API_KEYS_CHANGE):
        raise MemberNotFound("Choose a member who may have API keys.")
    return heir


def _record(member: Membership, actor: Actor, action: str, details: dict[str, str]) -> None:
    audit_record(
        organization_id=member.organization_id,
        user_id=actor.user_id,
        action=action,
        target=member.user.email,
        details=details,
    )
