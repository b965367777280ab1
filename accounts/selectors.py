"""What other apps may know of accounts: frozen dataclasses, never rows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from allauth.account.models import EmailAddress
from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from accounts.errors import OrganizationAmbiguous, OrganizationNotFound
from accounts.models import ApiKey, Membership, Organization, User
from accounts.roles import Action, role_may

API_KEYS_LISTED_MAX = 1000

# One query says it all: the key, its organisation, and the member it belongs to, if any.
_CALLER = """
SELECT k.organization_id, k.id, k.member_id, k.expires_at
FROM accounts_apikey k
JOIN accounts_organization o ON o.id = k.organization_id AND o.is_active
LEFT JOIN accounts_membership m ON m.id = k.member_id
LEFT JOIN accounts_user u ON u.id = m.user_id
WHERE k.key_hash = %s
  AND k.revoked_at IS NULL
  AND (k.expires_at IS NULL OR k.expires_at > statement_timestamp())
  AND u.is_active IS NOT FALSE
"""


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated party of a /v1 request, as the rest of the code sees it."""

    organization_id: int
    api_key_id: int
    member_id: int | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class OrganizationRef:
    """An organisation, named."""

    id: int
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class OrganizationView:
    """An organisation as one of its members sees it."""

    id: int
    slug: str
    name: str
    role: str
    member_id: int

    def may(self, action: Action) -> bool:
        """Whether this member's role allows `action`."""
        return role_may(self.role, action)

    @property
    def may_change_api_keys(self) -> bool:
        """For templates, which cannot pass arguments."""
        return self.may(Action.API_KEYS_CHANGE)

    @property
    def may_change_money(self) -> bool:
        """For templates, which cannot pass arguments."""
        return self.may(Action.MONEY_CHANGE)

    @property
    def may_change_limits(self) -> bool:
        """For templates, which cannot pass arguments."""
        return self.may(Action.LIMITS_CHANGE)

    @property
    def may_change_alerts(self) -> bool:
        """For templates, which cannot pass arguments."""
        return self.may(Action.ALERTS_CHANGE)

    @property
    def may_change_members(self) -> bool:
        """For templates, which cannot pass arguments."""
        return self.may(Action.MEMBERS_CHANGE)

    @property
    def may_change_settings(self) -> bool:
        """For templates, which cannot pass arguments."""
        return self.may(Action.SETTINGS_CHANGE)

    @property
    def may_read_audit(self) -> bool:
        """For templates, which cannot pass arguments."""
        return self.may(Action.AUDIT_READ)


@dataclass(frozen=True, slots=True)
class ApiKeyView:
    """An API key without its secret."""

    id: int
    name: str
    prefix: str
    last_four: str
    created_at: datetime
    created_by: str | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    state: Literal["active", "expired", "revoked"]


@dataclass(frozen=True, slots=True)
class MemberView:
    """A user in an organisation."""

    id: int
    email: str
    role: str


async def caller_get(connection: AsyncConnection[Any], *, key_hash: bytes) -> Caller | None:
    """Who holds the key with this hash; `None` if it is unknown, revoked, expired or its holder deactivated."""
    async with connection.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(_CALLER, (key_hash,))
        row = await cursor.fetchone()
    return Caller(*row) if row else None


def organizations_of(*, user: User | AnonymousUser) -> list[OrganizationView]:
    """The active organisations `user` is a member of, the oldest membership first."""
    return [_organization_view(member) for member in _memberships(user).order_by("id")]


def organization_access(*, user: User | AnonymousUser, slug: str) -> OrganizationView:
    """The one guard of pages: `Http404` unless `user` is a member, so that foreign and unknown look alike."""
    member = _memberships(user).filter(organization__slug=slug).first() if "\x00" not in slug else None
    if member is None:
        raise Http404("No such organisation.")
    return _organization_view(member)


def api_keys_list(*, organization_id: int) -> list[ApiKeyView]:
    """The organisation's API keys, newest first, at most `API_KEYS_LISTED_MAX`."""
    keys = ApiKey.objects.filter(organization_id=organization_id).select_related("member__user").order_by("-id")
    return [_api_key_view(api_key, timezone.now()) for api_key in keys[:API_KEYS_LISTED_MAX]]


def api_key_names(*, organization_id: int) -> dict[int, str]:
    """Names by id, for lists that know only the id."""
    keys = ApiKey.objects.filter(organization_id=organization_id).order_by("-id")
    return dict(keys.values_list("id", "name")[:API_KEYS_LISTED_MAX])


def api_key_members(*, organization_id: int) -> dict[int, int | None]:
    """Whose each API key is, by id: a member's, or nobody's."""
    return dict(ApiKey.objects.filter(organization_id=organization_id).values_list("id", "member_id"))


def members_list(*, organization_id: int) -> list[MemberView]:
    """The active members of an organisation, the oldest first."""
    members = Membership.objects.filter(organization_id=organization_id, user__is_active=True)
    return [
        MemberView(member.id, member.user.email, member.role)
        for member in members.select_related("user").order_by("id")
    ]


def organization_ref(*, organization_id: int) -> OrganizationRef:
    """The organisation, named. Raises `OrganizationNotFound`."""
    found = Organization.objects.filter(id=organization_id).values_list("id", "slug", "name").first()
    if found is None:
        raise OrganizationNotFound("There is no such organisation.")
    return OrganizationRef(*found)


def organization_by_slug_or_name(*, reference: str) -> OrganizationRef:
    """The organisation an operator means: by slug, else by exact name; `OrganizationNotFound` otherwise."""
    reference = reference.replace("\x00", "")
    active = Organization.objects.filter(is_active=True)
    found = list(active.filter(slug=reference)) or list(active.filter(name=reference).order_by("id")[:2])
    if not found:
        raise OrganizationNotFound(f"There is no organisation with the slug or name {reference[:80]!r}.")
    if len(found) > 1:
        raise OrganizationAmbiguous(f"Several organisations are named {reference[:80]!r}: use the slug.")
    return OrganizationRef(id=found[0].id, slug=found[0].slug, name=found[0].name)


def organization_name_taken(*, name: str) -> bool:
    """Whether any organisation has this name, in any case."""
    return Organization.objects.filter(name__iexact=name).exists()


def user_by_email(*, email: str) -> User | None:
    """The user with this e-mail address, in any case."""
    return User.objects.filter(email=email.strip().lower()).first()


def email_verified(*, user: User) -> bool:
    """Whether the user has proved that the e-mail address they log in with is theirs."""
    addresses = EmailAddress.objects.filter(user_id=user.pk, email=user.email, verified=True)
    return bool(addresses.exists())


def _memberships(user: User | AnonymousUser) -> QuerySet[Membership]:
    memberships = Membership.objects.select_related("organization").filter(organization__is_active=True)
    return memberships.filter(user_id=user.pk) if user.pk is not None else memberships.none()


def _organization_view(member: Membership) -> OrganizationView:
    organization = member.organization
    return OrganizationView(
        id=organization.id,
        slug=organization.slug,
        name=organization.name,
        role=member.role,
        member_id=member.id,
    )


def _api_key_view(api_key: ApiKey, now: datetime) -> ApiKeyView:
    state: Literal["active", "expired", "revoked"] = "active"
    if api_key.revoked_at is not None:
        state = "revoked"
    elif api_key.expires_at is not None and api_key.expires_at <= now:
        state = "expired"
    return ApiKeyView(
        id=api_key.id,
        name=api_key.name,
        prefix=api_key.prefix,
        last_four=api_key.last_four,
        created_at=api_key.created_at,
        created_by=api_key.member.user.email if api_key.member else None,
        expires_at=api_key.expires_at,
        revoked_at=api_key.revoked_at,
        last_used_at=api_key.last_used_at,
        state=state,
    )
