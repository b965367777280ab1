"""Management keys, `sk-mgmt-…`: they manage and never infer, as a member and never beyond that member's role."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.audit import audit_record
from accounts.errors import ManagementKeyNotFound, ManagementKeysTooMany, OrganizationNotFound
from accounts.expiry import expiry_check
from accounts.keys import management_key_hash, management_key_make
from accounts.member_rules import member_check
from accounts.models import ManagementKey, Organization
from accounts.names import name_clean
from accounts.networks import networks_clean, networks_hold, networks_parse
from accounts.roles import Action, role_may

MANAGEMENT_KEYS_ACTIVE_MAX = 50
MANAGEMENT_KEYS_LISTED_MAX = 500
USE_NOTED_SECONDS = 60
# Each scope, and what its member's role must allow besides.
SCOPES: Mapping[str, Action] = {
    "keys:read": Action.READ,
    "keys:write": Action.API_KEYS_CHANGE,
    "usage:read": Action.READ,
    "billing:read": Action.READ,
    "billing:write": Action.MONEY_CHANGE,
    "members:read": Action.READ,
    "members:write": Action.MEMBERS_CHANGE,
    "organization:read": Action.READ,
    "organization:write": Action.SETTINGS_CHANGE,
}


@dataclass(frozen=True, slots=True)
class NewManagementKey:
    """A key just made; the secret is nowhere else and is shown once."""

    id: int
    secret: str = field(repr=False)
    prefix: str
    last_four: str


@dataclass(frozen=True, slots=True)
class ManagementKeyView:
    """A management key without its secret; `orphaned`: the member it acted for has left."""

    id: int
    name: str
    prefix: str
    last_four: str
    scopes: tuple[str, ...]
    allowed_ips: tuple[str, ...]
    created_at: datetime
    created_by: str | None
    role: str | None
    expires_at: datetime | None
    last_used_at: datetime | None
    state: Literal["active", "expired", "orphaned", "revoked"]


@dataclass(frozen=True, slots=True)
class ManagementCaller:
    """The authenticated party of a management request: a member, within the scopes of the key."""

    key_id: int
    key_name: str
    organization_id: int
    organization_slug: str
    member_id: int
    user_id: int
    role: str
    scopes: frozenset[str]
    expires_at: datetime | None

    def may(self, scope: str) -> bool:
        """Whether the key has the scope, or the one to write that includes it, and the member's role allows it."""
        writes = scope.removesuffix(":read") + ":write"
        return (scope in self.scopes or writes in self.scopes) and role_may(self.role, SCOPES[scope])

    @property
    def via(self) -> str:
        """For `accounts.audit.acting_via`."""
        return f"management key “{self.key_name}”"


@transaction.atomic
def management_key_create(
    *,
    organization_id: int,
    member_id: int,
    name: str,
    scopes: Collection[str],
    allowed_ips: Collection[str] = (),
    expires_at: datetime | None = None,
) -> NewManagementKey:
    """Make a key that acts as this member. Raises `ValidationError` and what `accounts.errors` names."""
    name = name_clean(name, what="management key")
    if not scopes or not set(scopes) <= set(SCOPES):
        raise ValidationError("Choose what the key may do.", code="scopes")
    expiry_check(expires_at)
    networks = networks_clean(allowed_ips)
    # The organisation's row is locked: two at once don't both make the last key that it may have.
    organization = Organization.objects.select_for_update().filter(id=organization_id, is_active=True).first()
    if organization is None:
        raise OrganizationNotFound("There is no such organisation.")
    user_id = member_check(organization_id=organization_id, member_id=member_id, action=Action.MANAGEMENT_KEYS_CHANGE)
    if _working(organization_id).count() >= MANAGEMENT_KEYS_ACTIVE_MAX:
        said = f"An organisation may have {MANAGEMENT_KEYS_ACTIVE_MAX} management keys: revoke some first."
        raise ManagementKeysTooMany(said)
    made = management_key_make()
    key = ManagementKey.objects.create(
        organization_id=organization_id,
        member_id=member_id,
        name=name,
        key_hash=made.key_hash,
        prefix=made.prefix,
        last_four=made.last_four,
        scopes=[scope for scope in SCOPES if scope in scopes],
        allowed_ips=networks,
        expires_at=expires_at,
    )
    audit_record(
        organization_id=organization_id,
        user_id=user_id,
        action="management_key.created",
        target=name,
        details={"scopes": " ".join(key.scopes)},
    )
    return NewManagementKey(id=key.id, secret=made.secret, prefix=made.prefix, last_four=made.last_four)


@transaction.atomic
def management_key_revoke(*, organization_id: int, management_key_id: int, member_id: int) -> None:
    """Stop a key at once and for good; twice is fine."""
    user_id = member_check(organization_id=organization_id, member_id=member_id, action=Action.MANAGEMENT_KEYS_CHANGE)
    keys = ManagementKey.objects.filter(organization_id=organization_id, id=management_key_id)
    revoked = keys.filter(revoked_at=None).update(revoked_at=timezone.now())
    name = keys.values_list("name", flat=True).first()
    if name is None:
        raise ManagementKeyNotFound("There is no such management key.")
    if revoked:
        audit_record(organization_id=organization_id, user_id=user_id, action="management_key.revoked", target=name)


def management_keys_list(*, organization_id: int) -> list[ManagementKeyView]:
    """The organisation's management keys, the newest first."""
    keys = ManagementKey.objects.filter(organization_id=organization_id).select_related("member__user")
    now = timezone.now()
    return [_view(key, now) for key in keys.order_by("-id")[:MANAGEMENT_KEYS_LISTED_MAX]]


def management_caller_get(secret: str, ip: str | None) -> ManagementCaller | None:
    """Who holds this key; None if it is unknown, revoked, expired, its member gone, or `ip` not among its networks."""
    hashed = management_key_hash(secret)
    if hashed is None:
        return None
    now = timezone.now()
    key = (
        ManagementKey.objects.select_related("organization", "member__user")
        .filter(key_hash=hashed, revoked_at=None, organization__is_active=True, member__user__is_active=True)
        .filter(Q(expires_at=None) | Q(expires_at__gt=now))
        .first()
    )
    if key is None or key.member is None or not networks_hold(networks_parse(key.allowed_ips), ip):
        return None
    if key.last_used_at is None or now - key.last_used_at > timedelta(seconds=USE_NOTED_SECONDS):
        ManagementKey.objects.filter(id=key.id).update(last_used_at=now)
    return ManagementCaller(
        key_id=key.id,
        key_name=key.name,
        organization_id=key.organization_id,
        organization_slug=key.organization.slug,
        member_id=key.member.id,
        user_id=key.member.user_id,
        role=key.member.role,
        scopes=frozenset(key.scopes),
        expires_at=key.expires_at,
    )


def _working(organization_id: int) -> QuerySet[ManagementKey]:
    keys = ManagementKey.objects.filter(organization_id=organization_id, revoked_at=None, member__isnull=False)
    return keys.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))


def _view(key: ManagementKey, now: datetime) -> ManagementKeyView:
    state: Literal["active", "expired", "orphaned", "revoked"] = "active"
    if key.revoked_at is not None:
        state = "revoked"
    elif key.member is None or not key.member.user.is_active:
        state = "orphaned"
    elif key.expires_at is not None and key.expires_at <= now:
        state = "expired"
    return ManagementKeyView(
        id=key.id,
        name=key.name,
        prefix=key.prefix,
        last_four=key.last_four,
        scopes=tuple(key.scopes),
        allowed_ips=tuple(key.allowed_ips),
        created_at=key.created_at,
        created_by=key.member.user.email if key.member else None,
        role=key.member.role if key.member else None,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
        state=state,
    )
